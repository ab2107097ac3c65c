import { sign } from 'node:crypto';
import { isVerifiedToken } from '@tessera/token';
import { eventually } from '../../libs/token/test/eventually.ts';
import { claimsFor, type IssuingDesk, openIssuingDesk } from '../../test/support/issuing.ts';
import { refusalOf } from '../../test/support/refusal.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { MIN_LEAD_SECONDS } from '../keys/key-ring.ts';
import { revoke, rotate } from '../keys/key-ring.transitions.ts';
import { LoadedKeyRing } from '../keys/loaded-key-ring.ts';
import { newSigningKey } from '../keys/new-signing-key.ts';

let desk: IssuingDesk;
let acme: Tenant;
let globex: Tenant;

beforeEach(async () => {
  desk = await openIssuingDesk();
  acme = await desk.addTenant('acme');
  globex = await desk.addTenant('globex');
});
afterEach(() => desk.close());

const issue = async (tenant: Tenant, changes = {}) =>
  (await desk.issuer.issue(tenant, claimsFor(tenant, desk.clock.seconds, changes))).token;
const reasonOf = async (token: string, surface: 'admin' | 'user' = 'user') => {
  const refusal = await refusalOf(desk.ownTokens.verify(token, surface));
  expect(refusal.code).toBe('unauthorized');
  return refusal.reason;
};

/** A token that the tenant's key signed, whatever it says. */
async function signed(tenant: Tenant, header: object, claims: object): Promise<string> {
  const key = await desk.keyRings.signingKey(tenant);
  const input = [{ typ: 'at+jwt', alg: key.alg, kid: key.kid, ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

it('accepts a token of its own at its surface', async () => {
  const verified = await desk.ownTokens.verify(await issue(acme), 'user');
  expect(isVerifiedToken(verified)).toBe(true);
  expect(verified).toMatchObject({ tenantId: 'acme', subject: 'u-ada', surface: 'user' });
});

it('rejects it at the other surface', async () => {
  expect(await reasonOf(await issue(acme), 'admin')).toMatch(/^bearer: .*surface/);
  expect(await reasonOf(await issue(acme, { surface: 'admin' }), 'user')).toMatch(/^bearer: .*surface/);
});

it('accepts a token within the skew, and rejects it after', async () => {
  const token = await issue(acme);
  desk.clock.advance(629_000);
  expect(await desk.ownTokens.verify(token, 'user')).toBeDefined();
  desk.clock.advance(1_000);
  expect(await reasonOf(token)).toMatch(/^bearer: .*(expired|exp)/);
});

describe('rejects a token', () => {
  it.each<[string, () => Promise<string>]>([
    ['that is none', () => Promise.resolve('not a token')],
    [
      'of an unknown tenant',
      () => signed(acme, {}, claimsFor({ ...acme, id: 'initech' as never }, desk.clock.seconds)),
    ],
    [
      'of a tenant id that cannot be',
      () => signed(acme, {}, claimsFor({ ...acme, id: '../acme' as never }, desk.clock.seconds)),
    ],
    [
      'of another service',
      () => signed(acme, {}, claimsFor(acme, desk.clock.seconds, { iss: 'https://evil.example/tenants/acme' })),
    ],
    [
      'whose issuer has a slash too many',
      () => signed(acme, {}, claimsFor(acme, desk.clock.seconds, { iss: `${claimsFor(acme, 0).iss}/` })),
    ],
    [
      'whose issuer is a list',
      () => signed(acme, {}, claimsFor(acme, desk.clock.seconds, { iss: [claimsFor(acme, 0).iss] as never })),
    ],
    ['of another tenant under this key', () => signed(acme, {}, claimsFor(globex, desk.clock.seconds))],
    [
      'that contradicts its issuer',
      () => signed(acme, {}, claimsFor(acme, desk.clock.seconds, { tenant_id: 'globex' })),
    ],
    ['without a kid', () => signed(acme, { kid: undefined }, claimsFor(acme, desk.clock.seconds))],
    ['with an unknown kid', () => signed(acme, { kid: 'k' }, claimsFor(acme, desk.clock.seconds))],
    [
      'with the kid of another tenant',
      async () =>
        signed(acme, { kid: (await desk.keyRings.signingKey(globex)).kid }, claimsFor(acme, desk.clock.seconds)),
    ],
    ['with alg none', () => signed(acme, { alg: 'none' }, claimsFor(acme, desk.clock.seconds))],
    ['with another alg', () => signed(acme, { alg: 'EdDSA' }, claimsFor(acme, desk.clock.seconds))],
    [
      'with a further header member',
      () => signed(acme, { jku: 'https://evil.example' }, claimsFor(acme, desk.clock.seconds)),
    ],
    [
      'that lives too long',
      () => signed(acme, {}, claimsFor(acme, desk.clock.seconds, { exp: desk.clock.seconds + 86_401 })),
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
  desk.revoked.tokenIds.add('j-1');
  expect(await reasonOf(token)).toBe('bearer: the token was revoked');
  expect(await desk.ownTokens.verify(await issue(acme, { jti: 'j-2' }), 'user')).toBeDefined();
  desk.revoked.known = false;
  const refusal = await refusalOf(desk.ownTokens.verify(await issue(acme, { jti: 'j-2' }), 'user'));
  expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'revocations: never read' });
});

describe('a key', () => {
  it('that is next has signed nothing yet; active and retired verify; revoked never again', async () => {
    const next = await newSigningKey('ES256');
    await desk.store.update(acme.id, (ring) => rotate(ring, next, desk.clock.seconds));
    desk.clock.advance(31_000);
    const byFirst = await issue(acme, { exp: desk.clock.seconds + 86_400 });
    const stored = (await desk.store.read(acme.id))!;
    const later = new LoadedKeyRing(stored).signingKey(desk.clock.seconds + MIN_LEAD_SECONDS)!;
    const input = `${later.encodedHeader}${Buffer.from(JSON.stringify(claimsFor(acme, desk.clock.seconds, { exp: desk.clock.seconds + 86_400 }))).toString('base64url')}`;
    const byNext = `${input}.${sign('sha256', Buffer.from(input), { key: later.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    expect(await reasonOf(byNext)).toBe('bearer: the tenant has no such key that signs');

    desk.clock.advance(MIN_LEAD_SECONDS * 1000);
    expect(await desk.ownTokens.verify(byNext, 'user')).toBeDefined();
    expect(await desk.ownTokens.verify(byFirst, 'user')).toBeDefined();

    const firstKid = stored.ring.keys[0]!.kid;
    await desk.store.update(acme.id, (ring) => revoke(ring, firstKid, desk.clock.seconds));
    desk.tenants.invalidate(acme.id);
    await eventually(
      'the revoked key is gone',
      async () => (await desk.keyRings.verificationKey(acme.id, firstKid)) === undefined,
    );
    expect(await reasonOf(byFirst)).toBe('bearer: the tenant has no such key that signs');
    expect(await desk.ownTokens.verify(byNext, 'user')).toBeDefined();
  });
});

it('answers 503 and no verdict when the keys of the tenant cannot be had', async () => {
  const token = await issue(acme);
  const cold = await openIssuingDesk();
  await cold.addTenant('acme');
  cold.vault.plugged = false;
  expect((await refusalOf(cold.ownTokens.verify(token, 'user'))).code).toBe('temporarily_unavailable');
  await cold.close();
});

it('verifies with Vault away once the keys are known', async () => {
  const token = await issue(acme);
  desk.vault.plugged = false;
  desk.clock.advance(300_000);
  expect(await desk.ownTokens.verify(token, 'user')).toBeDefined();
});
