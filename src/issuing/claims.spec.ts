import { TesseraError } from '../errors/tessera-error.ts';
import { clientOf, storedTenant } from '../testing/storage.ts';
import { AuthorizationDecision, type AuthorizationFacts, sealAuthorizationDecision } from './authorization-decision.ts';
import { buildClaims } from './claims.ts';

const tenant = storedTenant('acme', {}, 7);
const facts: AuthorizationFacts = {
  tenant,
  client: clientOf(tenant, 'shop', 'web'),
  surface: 'user',
  audience: 'shop-api',
  subject: { id: 'u-ada', email: 'Ada@acme.example' },
  roles: ['manager'],
  groups: ['sales'],
  scopes: ['orders:read', 'orders:write'],
  resources: ['orders'],
  ttlSeconds: 600,
  notAfter: undefined,
  exchange: undefined,
};
const context = { publicUrl: 'https://tessera.example/base', now: 1_800_000_000, jti: 'j-1' };

const claims = (changes: Partial<AuthorizationFacts> = {}) =>
  buildClaims(AuthorizationDecision[sealAuthorizationDecision]({ ...facts, ...changes }), context).claims;

it('contains what was authorized, and nothing else', () => {
  expect(claims()).toEqual({
    iss: 'https://tessera.example/base/tenants/acme',
    sub: 'u-ada',
    aud: 'shop-api',
    client_id: 'web',
    iat: 1_800_000_000,
    exp: 1_800_000_600,
    jti: 'j-1',
    scope: 'orders:read orders:write',
    roles: ['manager'],
    groups: ['sales'],
    resources: ['orders'],
    tenant_id: 'acme',
    project_id: 'shop',
    email_id: 'Ada@acme.example',
    surface: 'user',
  });
});

it('gives a subject without grants an empty scope and empty lists, never missing members', () => {
  expect(claims({ roles: [], groups: [], scopes: [], resources: [] })).toMatchObject({
    scope: '',
    roles: [],
    groups: [],
    resources: [],
  });
});

it('names the actor and the identity provider after an exchange', () => {
  const exchange = {
    actor: { client_id: 'web', sub: 'u-bob' },
    identityProvider: 'https://idp.example',
    rootTokenId: undefined,
  };
  expect(claims({ exchange })).toMatchObject({ act: { client_id: 'web', sub: 'u-bob' }, idp: 'https://idp.example' });
});

it.each([
  ['the policy, if the proof allows more', 600, 1_800_000_601, 1_800_000_600],
  ['the proof, if the policy allows more', 600, 1_800_000_001, 1_800_000_001],
  ['a day, whatever the policy', 90_000, undefined, 1_800_086_400],
])('ends the token with %s', (_name, ttlSeconds, notAfter, exp) => {
  expect(claims({ ttlSeconds, notAfter }).exp).toBe(exp);
});

it.each([1_800_000_000, 1_799_999_999])('refuses a proof that expired at %p', (notAfter) => {
  let refusal: unknown;
  try {
    claims({ notAfter });
  } catch (error) {
    refusal = error;
  }
  if (!(refusal instanceof TesseraError)) throw new Error('no refusal came');
  expect(refusal).toMatchObject({ code: 'unauthorized', reason: 'the credentials have expired' });
});
