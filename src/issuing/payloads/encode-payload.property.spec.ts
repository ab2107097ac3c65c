import fc from 'fast-check';
import { clientOf, storedTenant } from '../../testing/storage.ts';
import {
  AuthorizationDecision,
  type AuthorizationFacts,
  sealAuthorizationDecision,
} from '../authorization-decision.ts';
import { buildClaims } from '../claims.ts';
import { encodeClaims, encodePayload } from './encode-payload.ts';
import { PreparedPayload } from './prepared-payload.ts';

const tenant = storedTenant('acme', {}, 7);
const client = clientOf(tenant, 'shop', 'web');
const NOW = 1_800_000_000;

const name = fc.string({
  unit: fc.constantFrom('a', ':', '"', '\\', 'é', '☕', '😀', '\ud83d', ',', '\u0000'),
  maxLength: 9,
});
const names = fc.array(name, { maxLength: 4 }).map((list) => Object.freeze(list));
const times = fc.record({ now: fc.integer({ min: 0, max: 4e9 }), jti: fc.oneof(fc.uuid(), name) });

const contents = fc.record({
  audience: name,
  subject: fc.record({ id: name, email: fc.option(name, { nil: undefined }) }),
  roles: names,
  groups: names,
  scopes: names,
  resources: names,
  surface: fc.constantFrom('user' as const, 'admin' as const, 'service' as const),
});

function payloadOf(facts: AuthorizationFacts, publicUrl: string, { now, jti }: { now: number; jti: string }) {
  const decision = AuthorizationDecision[sealAuthorizationDecision]({ ...facts });
  const { claims, source } = buildClaims(decision, { publicUrl, now, jti });
  return { sent: encodePayload(claims, source!), meant: encodeClaims(claims) };
}

it('is the JSON of the claims to the letter, for the first token of a content and for all later ones', () => {
  fc.assert(
    fc.property(contents, fc.array(times, { minLength: 3, maxLength: 6 }), (content, tokens) => {
      const facts = { tenant, client, ...content, ttlSeconds: 600, notAfter: undefined, exchange: undefined };
      for (const token of tokens) {
        const { sent, meant } = payloadOf(facts, 'https://tessera.example', token);
        expect(sent).toBe(meant);
      }
    }),
  );
});

const facts: AuthorizationFacts = {
  tenant,
  client,
  surface: 'user',
  audience: 'shop-api',
  subject: { id: 'u-ada', email: 'ada@acme.example' },
  roles: Object.freeze(['manager']),
  groups: Object.freeze(['sales']),
  scopes: Object.freeze(['orders:read']),
  resources: Object.freeze(['orders']),
  ttlSeconds: 600,
  notAfter: undefined,
  exchange: undefined,
};

describe('a content that differs in one thing', () => {
  const token = { now: NOW, jti: 'j-1' };
  beforeEach(() => {
    for (let turn = 0; turn < 3; turn += 1) payloadOf(facts, 'https://tessera.example', token);
  });

  it.each<[string, Partial<AuthorizationFacts>]>([
    ['the tenant', { tenant: storedTenant('globex') }],
    ['the client', { client: { ...client, id: 'app' as never } }],
    ['the surface', { surface: 'admin' }],
    ['the audience', { audience: 'stock-api' }],
    ['the subject', { subject: { id: 'u-bob', email: 'bob@acme.example' } }],
    ['the groups', { groups: ['support'] }],
    ['the scopes', { scopes: ['orders:write'] }],
    ['the resources', { resources: ['stock'] }],
    ['the lifetime', { ttlSeconds: 60 }],
    ['the end of the credentials', { notAfter: NOW + 5 }],
    [
      'the exchange',
      { exchange: { actor: { sub: 'client:shop/app' }, identityProvider: undefined, rootTokenId: 'j-0' } },
    ],
  ])('is not mistaken for another one: %s', (_what, change) => {
    for (let turn = 0; turn < 3; turn += 1) {
      const { sent, meant } = payloadOf({ ...facts, ...change }, 'https://tessera.example', token);
      expect(sent).toBe(meant);
    }
  });

  it('is not mistaken for another one: the public URL', () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const { sent, meant } = payloadOf(facts, 'https://other.example', token);
      expect(sent).toBe(meant);
    }
  });
});

describe('a prepared payload', () => {
  const asked = { iat: NOW, exp: NOW + 600, jti: 'j-1' };

  it('is not made of a text in which the times are not side by side', () => {
    expect(
      PreparedPayload.of(JSON.stringify({ iss: 'i', jti: 'j-1', iat: NOW, exp: NOW + 600, sub: 's' }), asked),
    ).toBe(undefined);
  });

  it('takes only times of the same length, which need no escape', () => {
    const prepared = PreparedPayload.of(JSON.stringify({ iss: 'i', ...asked, sub: 's' }), asked);
    expect(prepared?.encode({ ...asked, jti: 'j-2' })).toBe(
      encodeClaims({ iss: 'i', ...asked, jti: 'j-2', sub: 's' } as never),
    );
    for (const jti of ['j-10', 'j"1', 'é-1']) expect(prepared?.encode({ ...asked, jti })).toBeUndefined();
    expect(prepared?.encode({ ...asked, exp: NOW + 0.5 })).toBeUndefined();
  });
});
