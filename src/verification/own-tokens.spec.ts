import { sign } from 'node:crypto';
import { isVerifiedToken } from '@tessera/token';
import { eventually } from '../../libs/token/test/eventually.ts';
import { claimsFor, type IssuingFixture, openIssuingFixture } from '../testing/issuing-fixture.ts';
import { refusalOf } from '../testing/refusal.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { MIN_LEAD_SECONDS } from '../keys/key-ring.ts';
import { revoke, rotate } from '../keys/key-ring.transitions.ts';
import { LoadedKeyRing } from '../keys/loaded-key-ring.ts';
import { newSigningKey } from '../keys/new-signing-key.ts';

let fixture: IssuingFixture;
let acme: Tenant;
let globex: Tenant;

beforeEach(async () => {
  fixture = await openIssuingFixture();
  acme = await fixture.addTenant('acme');
  globex = await fixture.addTenant('globex');
});
afterEach(() => fixture.close());

const issue = async (tenant: Tenant, changes = {}) =>
  (await fixture.issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds, changes) })).token;
const reasonOf = async (token: string, surface: 'admin' | 'user' = 'user') => {
  const refusal = await refusalOf(fixture.ownTokens.verify(token, surface));
  expect(refusal.code).toBe('unauthorized');
  return refusal.reason;
};

/** A token that the tenant's key signed, whatever it says. */
async function signed(tenant: Tenant, header: object, claims: object): Promise<string> {
  const key = await fixture.keyRings.signingKey(tenant);
  const input = [{ typ: 'at+jwt', alg: key.alg, kid: key.kid, ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

it('accepts a token of its own at its surface', async () => {
  const verified = await fixture.ownTokens.verify(await issue(acme), 'user');
  expect(isVerifiedToken(verified)).toBe(true);
  expect(verified).toMatchObject({ tenantId: 'acme', subject: 'u-ada', surface: 'user' });
});

it('rejects it at the other surface', async () => {
  expect(await reasonOf(await issue(acme), 'admin')).toMatch(/^bearer: .*surface/);
  expect(await reasonOf(await issue(acme, { surface: 'admin' }), 'user')).toMatch(/^bearer: .*surface/);
});

it('accepts a token within the skew, and rejects it after', async () => {
  const token = await issue(acme);
  fixture.clock.advance(629_000);
  expect(await fixture.ownTokens.verify(token, 'user')).toBeDefined();
  fixture.clock.advance(1_000);
  expect(await reasonOf(token)).toMatch(/^bearer: .*(expired|exp)/);
});

describe('rejects a token', () => {
  it.each<[string, () => Promise<string>]>([
    ['that is none', () => Promise.resolve('not a token')],
    [
      'of an unknown tenant',
      () => signed(acme, {}, claimsFor({ ...acme, id: 'initech' as never }, fixture.clock.seconds)),
    ],
    [
      'of a tenant id that cannot be',
      () => signed(acme, {}, claimsFor({ ...acme, id: '../acme' as never }, fixture.clock.seconds)),
    ],
    [
      'of another service',
      () => signed(acme, {}, claimsFor(acme, fixture.clock.seconds, { iss: 'https://evil.example/tenants/acme' })),
    ],
    [
      'whose issuer has a slash too many',
      () => signed(acme, {}, claimsFor(acme, fixture.clock.seconds, { iss: `${claimsFor(acme, 0).iss}/` })),
    ],
    [
      'whose issuer is a list',
      () => signed(acme, {}, claimsFor(acme, fixture.clock.seconds, { iss: [claimsFor(acme, 0).iss] as never })),
    ],
    ['of another tenant under this key', () => signed(acme, {}, claimsFor(globex, fixture.clock.seconds))],
    [
      'that contradicts its issuer',
      () => signed(acme, {}, claimsFor(acme, fixture.clock.seconds, { tenant_id: 'globex' })),
    ],
    ['without a kid', () => signed(acme, { kid: undefined }, claimsFor(acme, fixture.clock.seconds))],
    ['with an unknown kid', () => signed(acme, { kid: 'k' }, claimsFor(acme, fixture.clock.seconds))],
    [
      'with the kid of another tenant',
      async () =>
        signed(acme, { kid: (await fixture.keyRings.signingKey(globex)).kid }, claimsFor(acme, fixture.clock.seconds)),
    ],
    ['with alg none', () => signed(acme, { alg: 'none' }, claimsFor(acme, fixture.clock.seconds))],
    ['with another alg', () => signed(acme, { alg: 'EdDSA' }, claimsFor(acme, fixture.clock.seconds))],
    [
      'with a further header member',
      () => signed(acme, { jku: 'https://evil.example' }, claimsFor(acme, fixture.clock.seconds)),
    ],
    [
      'that lives too long',
      () => signed(acme, {}, claimsFor(acme, fixture.clock.seconds, { exp: fixture.clock.seconds + 86_401 })),
    ],
    [
      'with a changed signature',
      async () => {
        const token = await issue(acme);
        return `${token.slice(0, -10)}${token.at(-10) === 'A' ? 'B' : 'A'}${token.slice(-9)}`;
      },
    ],
  ])('%s', async (_name, make) => {
    expect(await reasonOf(await make())).toMatch(/^bearer: [a-zA-Z0-9:, _-]+$/);
  });
});

it('rejects a token that was revoked, and judges none before the list was read', async () => {
  const token = await issue(acme, { jti: 'j-1' });
  fixture.revoked.tokenIds.add('j-1');
  expect(await reasonOf(token)).toBe('bearer: the token was revoked');
  expect(await fixture.ownTokens.verify(await issue(acme, { jti: 'j-2' }), 'user')).toBeDefined();
  fixture.revoked.known = false;
  const refusal = await refusalOf(fixture.ownTokens.verify(await issue(acme, { jti: 'j-2' }), 'user'));
  expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'revocations: never read' });
});

describe('a key', () => {
  it('that is next has signed nothing yet; active and retired verify; revoked never again', async () => {
    const next = await newSigningKey('ES256');
    await fixture.store.update(acme.id, (ring) => rotate(ring, next, fixture.clock.seconds));
    fixture.clock.advance(31_000);
    const byFirst = await issue(acme, { exp: fixture.clock.seconds + 86_400 });
    const stored = (await fixture.store.read(acme.id))!;
    const { seconds } = fixture.clock;
    const later = new LoadedKeyRing(stored, seconds).signingKey(seconds + MIN_LEAD_SECONDS)!;
    const input = `${later.encodedHeader}${Buffer.from(JSON.stringify(claimsFor(acme, fixture.clock.seconds, { exp: fixture.clock.seconds + 86_400 }))).toString('base64url')}`;
    const byNext = `${input}.${sign('sha256', Buffer.from(input), { key: later.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    expect(await reasonOf(byNext)).toBe('bearer: the tenant has no such key that signs');

    fixture.clock.advance(MIN_LEAD_SECONDS * 1000);
    expect(await fixture.ownTokens.verify(byNext, 'user')).toBeDefined();
    expect(await fixture.ownTokens.verify(byFirst, 'user')).toBeDefined();

    const firstKid = stored.ring.keys[0]!.kid;
    await fixture.store.update(acme.id, (ring) => revoke(ring, firstKid, fixture.clock.seconds));
    fixture.tenants.invalidate(acme.id);
    await eventually(
      'the revoked key is gone',
      async () => (await fixture.keyRings.verificationKey(acme.id, firstKid)) === undefined,
    );
    expect(await reasonOf(byFirst)).toBe('bearer: the tenant has no such key that signs');
    expect(await fixture.ownTokens.verify(byNext, 'user')).toBeDefined();
  });
});

it('answers 503 and no verdict when the keys of the tenant cannot be had', async () => {
  const token = await issue(acme);
  const cold = await openIssuingFixture();
  await cold.addTenant('acme');
  cold.vault.plugged = false;
  expect((await refusalOf(cold.ownTokens.verify(token, 'user'))).code).toBe('temporarily_unavailable');
  await cold.close();
});

it('verifies with Vault away once the keys are known', async () => {
  const token = await issue(acme);
  fixture.vault.plugged = false;
  fixture.clock.advance(300_000);
  expect(await fixture.ownTokens.verify(token, 'user')).toBeDefined();
});
