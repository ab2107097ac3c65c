import { JwtService } from '@nestjs/jwt';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { eventually } from '../../libs/token/test/eventually.ts';
import { claimsFor, type IssuingFixture, openIssuingFixture, PUBLIC_URL } from '../testing/issuing-fixture.ts';
import { refusalOf } from '../testing/refusal.ts';
import type { SigningAlgorithm, Tenant } from '../tenancy/tenant.ts';
import { MIN_LEAD_SECONDS } from '../keys/key-ring.ts';
import { revoke, rotate } from '../keys/key-ring.transitions.ts';
import type { KeyRings } from '../keys/key-rings.ts';
import { SecondOpinion } from '../keys/second-opinion.ts';
import { BatchSigner } from './batch-signer.ts';
import { JwtIssuer } from './jwt-issuer.ts';
import { newSigningKey } from '../keys/new-signing-key.ts';

let fixture: IssuingFixture;

beforeEach(async () => {
  fixture = await openIssuingFixture();
});
afterEach(() => fixture.close());

/** Verifies with another library, using only the published key set. */
async function joseVerify(tenant: Tenant, token: string) {
  const { body } = await fixture.documents.find(tenant.id, 'keySet');
  return jwtVerify(token, createLocalJWKSet(JSON.parse(body) as JSONWebKeySet), {
    issuer: `${PUBLIC_URL}/tenants/${tenant.id}`,
    audience: 'shop-api',
    typ: 'at+jwt',
    currentDate: new Date(fixture.clock.ms),
  });
}

it.each<SigningAlgorithm>(['ES256', 'RS256', 'EdDSA'])(
  'issues %s tokens that another library verifies from the key set alone',
  async (algorithm) => {
    const tenant = await fixture.addTenant('acme', algorithm);
    const claims = claimsFor(tenant, fixture.clock.seconds, { sub: 'Zoë ☕' });
    const { token, expiresInSeconds, kid } = await fixture.issuer.issue(tenant, { claims });
    expect(expiresInSeconds).toBe(600);
    const { payload, protectedHeader } = await joseVerify(tenant, token);
    expect(payload).toEqual(claims);
    expect(protectedHeader).toEqual({ typ: 'at+jwt', alg: algorithm, kid });
  },
);

it('takes the lifetime from the claims, however long signing takes', async () => {
  const tenant = await fixture.addTenant('acme');
  const claims = claimsFor(tenant, fixture.clock.seconds);
  fixture.clock.advance(5_000);
  expect((await fixture.issuer.issue(tenant, { claims })).expiresInSeconds).toBe(600);
});

it('signs with the next key once it is active, and tokens of both keys verify', async () => {
  const tenant = await fixture.addTenant('acme');
  const before = await fixture.issuer.issue(tenant, {
    claims: claimsFor(tenant, fixture.clock.seconds, { exp: fixture.clock.seconds + 86_400 }),
  });
  const next = await newSigningKey('EdDSA');
  await fixture.store.update(tenant.id, (ring) => rotate(ring, next, fixture.clock.seconds));
  fixture.clock.advance(MIN_LEAD_SECONDS * 1000);
  const after = await fixture.issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds) });
  expect([before.kid === next.kid, after.kid === next.kid]).toEqual([false, true]);
  expect(decodeProtectedHeader(after.token)).toEqual({ typ: 'at+jwt', alg: 'EdDSA', kid: next.kid });
  for (const { token } of [before, after]) await joseVerify(tenant, token);

  await fixture.store.update(tenant.id, (ring) => revoke(ring, before.kid, fixture.clock.seconds));
  fixture.tenants.invalidate(tenant.id);
  await eventually(
    'the revoked key is no longer published',
    async () => !(await fixture.documents.find(tenant.id, 'keySet')).body.includes(before.kid),
  );
  await expect(joseVerify(tenant, before.token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
});

it('makes the signatures of one turn of the event loop together', async () => {
  const tenant = await fixture.addTenant('acme');
  const claims = claimsFor(tenant, fixture.clock.seconds);
  await fixture.issuer.issue(tenant, { claims });
  let done = 0;
  const all = Promise.all(
    Array.from({ length: 30 }, async () => {
      await fixture.issuer.issue(tenant, { claims });
      done += 1;
    }),
  );
  await Promise.resolve();
  expect(done).toBe(0);
  await nextTurn();
  await nextTurn();
  expect(done).toBe(30);
  await all;
});

it('refuses claims of another tenant', async () => {
  const [acme, globex] = [await fixture.addTenant('acme'), await fixture.addTenant('globex')];
  const refusal = await refusalOf(fixture.issuer.issue(acme, { claims: claimsFor(globex, fixture.clock.seconds) }));
  expect(refusal).toMatchObject({ code: 'server_error', reason: 'the claims are of another tenant' });
});

it('refuses without a recent key ring', async () => {
  const tenant = await fixture.addTenant('acme');
  fixture.vault.plugged = false;
  const refusal = await refusalOf(fixture.issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds) }));
  expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'vault: unplugged' });
});

it('releases no token that a second implementation does not accept with the published key', async () => {
  const [tenant, other] = [await fixture.addTenant('acme'), await fixture.addTenant('globex')];
  const [key, { publicJwk }] = [await fixture.keyRings.signingKey(tenant), await fixture.keyRings.signingKey(other)];
  const mismatched = { signingKey: () => Promise.resolve({ ...key, publicJwk }) } as unknown as KeyRings;
  const issuer = new JwtIssuer(mismatched, new BatchSigner(), new SecondOpinion(new JwtService()), {
    limits: { tokenBytes: 6144 },
  });
  for (let attempt = 0; attempt < 2; attempt += 1)
    expect(await refusalOf(issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds) }))).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'key ring: a second implementation rejects the first token of a key',
    });
});

describe('the size budget', () => {
  it.each<SigningAlgorithm>(['ES256', 'RS256', 'EdDSA'])('is kept to the byte with %s', async (algorithm) => {
    const tenant = await fixture.addTenant('acme', algorithm);
    const claims = claimsFor(tenant, fixture.clock.seconds, {
      roles: Array.from({ length: 100 }, (_, i) => `role-${i}`),
    });
    const { token } = await fixture.issuer.issue(tenant, { claims });
    for (const [tokenBytes, fits] of [
      [token.length, true],
      [token.length - 1, false],
    ] as const) {
      const other = await openIssuingFixture({ tokenBytes });
      const same = await other.addTenant('acme', algorithm);
      const work = other.issuer.issue(same, { claims });
      if (fits) expect((await work).token).toHaveLength(token.length);
      else expect((await refusalOf(work)).code).toBe('token_too_large');
      await other.close();
    }
  });

  it.each([
    ['roles', { roles: Array.from({ length: 900 }, (_, i) => `secret-role-${i}`) }],
    ['scope', { scope: 'secret:scope '.repeat(900) }],
  ])('names %s if that is the largest claim, but no value', async (name, changes) => {
    const tenant = await fixture.addTenant('acme');
    const refusal = await refusalOf(
      fixture.issuer.issue(tenant, { claims: claimsFor(tenant, fixture.clock.seconds, changes) }),
    );
    expect(refusal.code).toBe('token_too_large');
    expect(refusal.reason).toBe('the token exceeds the size budget');
    expect(refusal.detail).toBe(`The token would exceed the size budget of 6144 bytes; its largest claim is ${name}.`);
  });
});
