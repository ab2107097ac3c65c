import { assertionForm, type CallerFixture, clientDraft, openCallerFixture } from '../testing/caller-fixture.ts';
import { type HostileProvider, startHostileProvider } from '../testing/hostile-provider.ts';
import { PUBLIC_URL } from '../testing/issuing-fixture.ts';
import {
  type ProviderSigningKey,
  providerKey,
  signSubjectTokenText,
  writeSubjectToken,
} from '../testing/provider-tokens.ts';
import { refusalOf } from '../testing/refusal.ts';
import type { Client, ClientKey } from '../tenancy/tenant.ts';

/** One good assertion, and one mutation of it per row. */
const KEY = providerKey('k1');
const SECOND = providerKey('k2', 'RS256');
const STRANGER = providerKey('k1');
const ISSUER = `${PUBLIC_URL}/tenants/acme`;

let fixture: CallerFixture;
let host: HostileProvider;
beforeAll(async () => {
  fixture = await openCallerFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  host = await startHostileProvider();
  fixture.reset([host.hostPort]);
  await fixture.save([web()]);
});
afterEach(() => host.close());

const jwk = ({ jwk }: ProviderSigningKey) => jwk as ClientKey;
const web = (changes: Partial<Client> = {}) => clientDraft('web', { keys: [jwk(KEY), jwk(SECOND)], ...changes });
const now = () => fixture.clock.seconds;

let made = 0;
type Claims = Readonly<Record<string, unknown>>;
function assertion(changes: Claims = {}, header: Claims = {}, key = KEY): string {
  const claims = { iss: 'shop/web', sub: 'shop/web', aud: ISSUER, exp: now() + 60, jti: `j-${++made}` };
  return writeSubjectToken({ key, claims: { ...claims, ...changes }, header });
}

const present = (text: string, clientId?: string) => fixture.authenticate({ form: assertionForm(text, clientId) });
async function expectRefused(text: string, reason: string, clientId?: string): Promise<void> {
  const error = await refusalOf(present(text, clientId));
  expect([error.code, error.reason]).toEqual(['invalid_client', reason]);
  expect(error.detail).toBe('The client could not be authenticated.');
  expect(fixture.events).not.toContain('authenticated');
}
const refusedBecause = (reason: string) => `the client assertion is refused: ${reason}`;

describe('an assertion that the client has signed', () => {
  it('authenticates it, and names the key', async () => {
    const caller = await present(assertion());
    expect(caller.client).toMatchObject({ projectId: 'shop', id: 'web' });
    expect([caller.secretId, caller.notAfter]).toEqual(['key:k1', undefined]);
    expect(fixture.events).toEqual(['found shop/web', 'counts as acme/shop/web by assertion', 'authenticated']);
  });

  it.each<[string, Claims, Claims, string | undefined]>([
    ['by the client alone', { iss: 'web', sub: 'web' }, {}, undefined],
    ['with its client_id', {}, {}, 'shop/web'],
    ['with the other form as client_id', {}, {}, 'web'],
    ['without a typ', {}, { typ: undefined }, undefined],
    ['with its own typ', {}, { typ: 'client-authentication+jwt' }, undefined],
    ['with its typ as a media type in capitals', {}, { typ: 'application/Client-Authentication+JWT' }, undefined],
    ['with times', { iat: 1_800_000_000, nbf: 1_800_000_000 }, {}, undefined],
    ['with times within the skew', { iat: 1_800_000_030, nbf: 1_800_000_030 }, {}, undefined],
    ['with a life of five minutes', { exp: 1_800_000_300 }, {}, undefined],
    ['with a fraction of a second', { exp: 1_800_000_060.5 }, {}, undefined],
    ['with a jti of 255 characters', { jti: 'j'.repeat(255) }, {}, undefined],
    ['with a jku, which is ignored', {}, { jku: 'https://attacker.example/keys' }, undefined],
  ])('authenticates it %s', async (_name, claims, header, clientId) => {
    expect((await present(assertion(claims, header), clientId)).client.id).toBe('web');
  });

  it('authenticates it by each of its keys', async () => {
    expect((await present(assertion({}, {}, SECOND))).secretId).toBe('key:k2');
  });

  it('without a kid authenticates it if one key fits, and not if two do', async () => {
    const text = () => assertion({}, { kid: undefined });
    expect((await present(text())).secretId).toBe('key:k1');
    await fixture.save([web({ keys: [jwk(KEY), jwk(providerKey('k3'))] })]);
    await expectRefused(text(), refusedBecause('the client has no such key'));
  });
});

describe('an assertion is refused', () => {
  it.each<[string, Claims, string]>([
    ['for the token endpoint', { aud: `${ISSUER}/token` }, 'its aud is not the issuer of this tenant, as one text'],
    ['for the server', { aud: PUBLIC_URL }, 'its aud is not the issuer of this tenant, as one text'],
    ['for an array of the issuer', { aud: [ISSUER] }, 'its aud is not the issuer of this tenant, as one text'],
    ['for several', { aud: [ISSUER, 'x'] }, 'its aud is not the issuer of this tenant, as one text'],
    ['for a trailing slash', { aud: `${ISSUER}/` }, 'its aud is not the issuer of this tenant, as one text'],
    ['for another case', { aud: ISSUER.toUpperCase() }, 'its aud is not the issuer of this tenant, as one text'],
    [
      'for another tenant',
      { aud: `${PUBLIC_URL}/tenants/globex` },
      'its aud is not the issuer of this tenant, as one text',
    ],
    ['for nobody', { aud: undefined }, 'its aud is not the issuer of this tenant, as one text'],
    ['about another client', { sub: 'shop/reader' }, 'its sub is not its iss'],
    ['about the same client in another form', { sub: 'web' }, 'its sub is not its iss'],
    ['about nobody', { sub: undefined }, 'its sub is not its iss'],
    ['without exp', { exp: undefined }, 'its exp is missing or not a time'],
    ['with an exp in text', { exp: '1800000060' }, 'its exp is missing or not a time'],
    ['that has expired', { exp: 1_800_000_000 }, 'it has expired'],
    ['that expires within this second', { exp: 1_800_000_000.9 }, 'it has expired'],
    ['that lives a second longer than five minutes', { exp: 1_800_000_301 }, 'its exp is more than 5 minutes ahead'],
    ['that lives a fraction longer', { exp: 1_800_000_300.5 }, 'its exp is more than 5 minutes ahead'],
    ['issued in the future', { iat: 1_800_000_031 }, 'its iat is ahead, or not a time'],
    ['with an iat in text', { iat: 'now' }, 'its iat is ahead, or not a time'],
    ['not valid yet', { nbf: 1_800_000_031 }, 'its nbf is ahead, or not a time'],
    ['with an nbf of null', { nbf: null }, 'its nbf is ahead, or not a time'],
    ['without jti', { jti: undefined }, 'its jti is missing, or not a text of at most 255 characters'],
    ['with an empty jti', { jti: '' }, 'its jti is missing, or not a text of at most 255 characters'],
    ['with a jti in a list', { jti: ['j'] }, 'its jti is missing, or not a text of at most 255 characters'],
    ['with a long jti', { jti: 'j'.repeat(256) }, 'its jti is missing, or not a text of at most 255 characters'],
  ])('%s', async (_name, changes, reason) => {
    await expectRefused(assertion(changes), refusedBecause(reason));
  });

  it.each<[string, Claims, string]>([
    ['of an access token', { typ: 'at+jwt' }, 'its typ is of another kind of token'],
    ['of a proof of possession', { typ: 'dpop+jwt' }, 'its typ is of another kind of token'],
    ['with crit', { crit: ['exp'] }, 'its header changes its meaning'],
    ['with b64', { b64: true }, 'its header changes its meaning'],
    ['with zip', { zip: 'DEF' }, 'its header changes its meaning'],
    ['with alg none', { alg: 'none' }, 'its algorithm proves nothing about who signed'],
    ['with a symmetric alg', { alg: 'HS256' }, 'its algorithm proves nothing about who signed'],
    ['with another alg than the key has', { alg: 'ES384' }, 'the client has no such key'],
    ['with the alg of the client’s other key', { alg: 'RS256' }, 'the client has no such key'],
    ['with a kid that the client does not have', { kid: 'k9' }, 'the client has no such key'],
    ['with the kid of the client’s other key', { kid: 'k2' }, 'the client has no such key'],
    ['with a kid that is not a text', { kid: 1 }, 'its kid is not a text'],
  ])('with a header %s', async (_name, header, reason) => {
    await expectRefused(assertion({}, header), refusedBecause(reason));
  });

  it('that another key has signed under the same kid', async () => {
    await expectRefused(assertion({}, {}, STRANGER), refusedBecause('the key does not confirm its signature'));
  });

  it('of invalid form', async () => {
    const payload = `{"iss":"web","sub":"web","sub":"web"}`;
    for (const text of ['x', 'a.b.c', `${assertion()}=`, signSubjectTokenText(KEY, '{"alg":"ES256"}', payload)])
      await expectRefused(text, refusedBecause('it is malformed'));
    await expectRefused(assertion({ pad: 'x'.repeat(16_384) }), refusedBecause('it is malformed'));
  });

  it('that was used before, also under the other form of the client’s name', async () => {
    await present(assertion({ jti: 'once' }));
    const name = { iss: 'web', sub: 'web', jti: 'once' };
    for (const again of [assertion({ jti: 'once' }), assertion(name), assertion(name, {}, SECOND)])
      await expectRefused(again, refusedBecause('it was used before'));
  });

  it('once for each client: the same jti of another client is no replay', async () => {
    const reader = providerKey('r1');
    await fixture.save([web(), clientDraft('reader', { keys: [jwk(reader)] })]);
    await present(assertion({ jti: 'shared' }));
    const other = assertion({ iss: 'reader', sub: 'reader', jti: 'shared' }, {}, reader);
    expect((await present(other)).client.id).toBe('reader');
  });

  it('and is not used up by that', async () => {
    const text = assertion({ jti: 'kept', aud: [ISSUER] });
    await expectRefused(text, refusedBecause('its aud is not the issuer of this tenant, as one text'));
    await fixture.save([web({ status: 'disabled' })]);
    await expectRefused(assertion({ jti: 'kept' }), 'the client is disabled');
    await fixture.save([web()]);
    expect((await present(assertion({ jti: 'kept' }))).client.id).toBe('web');
  });
});

describe('the client of an assertion', () => {
  const reader = providerKey('r1');
  beforeEach(() =>
    fixture.save([
      web(),
      clientDraft('reader', { keys: [jwk(reader)] }),
      clientDraft('reader', { keys: [jwk(reader)] }, 'billing'),
      clientDraft('plain', { policy: { kind: 'confidential' } }),
    ]),
  );

  it('is not one that another client_id names', async () => {
    await expectRefused(assertion(), refusedBecause('it is of another client'), 'shop/reader');
    await expectRefused(assertion({}, {}, reader), refusedBecause('it is of another client'), 'shop/reader');
  });

  it('is not one whose key has not signed', async () => {
    const claims = { iss: 'shop/reader', sub: 'shop/reader' };
    await expectRefused(assertion(claims), refusedBecause('the client has no such key'));
  });

  it('names its project where two have such a client', async () => {
    const named = (name: string) => assertion({ iss: name, sub: name }, {}, reader);
    expect((await present(named('billing/reader'))).client.projectId).toBe('billing');
    const ambiguous = 'several projects have a client of that id: name the project';
    await expectRefused(named('reader'), ambiguous);
    await expectRefused(named('reader'), ambiguous, 'shop/reader');
  });

  it('is unknown, or has no keys', async () => {
    const named = (name: string) => assertion({ iss: name, sub: name });
    await expectRefused(named('shop/nobody'), 'unknown project or client');
    await expectRefused(named('nowhere/web'), 'unknown project or client');
    await expectRefused(named('shop/plain'), refusedBecause('the client has no keys'));
  });

  it('has no key that can be used, if a private one is among them, or if they are weak or for encryption', async () => {
    const weak = providerKey('k1', 'RS256', { bits: 1_024, exponent: 65_537 });
    const secret = { ...jwk(SECOND), d: 'AQAB' };
    for (const [keys, key] of [
      [[jwk(KEY), secret], KEY],
      [[jwk(weak)], weak],
      [[{ ...jwk(KEY), use: 'enc' }], KEY],
    ] as const) {
      await fixture.save([web({ keys })]);
      await expectRefused(assertion({}, {}, key), refusedBecause('the client has no such key'));
    }
  });

  it('of one tenant is nobody in another, whose client has the same name', async () => {
    await fixture.save([web({ keys: [jwk(STRANGER)] })], {}, 'globex');
    const text = assertion({ aud: `${PUBLIC_URL}/tenants/globex` });
    const error = await refusalOf(fixture.authenticate({ form: assertionForm(text), tenant: 'globex' }));
    expect(error.reason).toBe(refusedBecause('the key does not confirm its signature'));
  });

  it.each<[string, Partial<Client>, object, string]>([
    ['is disabled', { status: 'disabled' }, {}, 'the client is disabled'],
    ['is of a suspended tenant', {}, { status: 'suspended' }, 'the tenant is suspended'],
  ])('%s', async (_name, changes, tenant, reason) => {
    await fixture.save([web(changes)], tenant);
    await expectRefused(assertion(), reason);
    // Nothing is verified or fetched for it.
    await expectRefused(assertion({}, {}, STRANGER), reason);
  });
});

describe('keys at the client’s jwks_uri', () => {
  const fetched = (changes: Partial<Client> = {}) => web({ keys: [], jwksUri: host.jwksUri, ...changes });
  beforeEach(async () => {
    host.keys = [KEY.jwk];
    await fixture.save([fetched()]);
  });

  it('are fetched once, and confirm assertions', async () => {
    expect((await present(assertion())).secretId).toBe('key:k1');
    await present(assertion());
    expect(host.requests).toEqual(['/keys']);
  });

  it('are asked for after those in the file', async () => {
    await fixture.save([fetched({ keys: [jwk(SECOND)] })]);
    await present(assertion({}, {}, SECOND));
    expect(host.requests).toEqual([]);
    await present(assertion());
    expect(host.requests).toEqual(['/keys']);
  });

  it('are not used without an alg, or for another one', async () => {
    host.keys = [{ ...KEY.jwk, alg: undefined }];
    await expectRefused(assertion(), refusedBecause('the key does not confirm its signature'));
  });

  it('that are replaced under the same kid are found', async () => {
    await present(assertion());
    host.keys = [STRANGER.jwk];
    expect((await present(assertion({}, {}, STRANGER))).client.id).toBe('web');
  });

  it('that do not have the kid refuse the assertion', async () => {
    await expectRefused(
      assertion({}, { kid: 'k9' }),
      refusedBecause('the issuer has no usable key of this kid and algorithm'),
    );
  });

  it('that cannot be fetched are an outage, and no wrong credential', async () => {
    await host.stop();
    const error = await refusalOf(present(assertion()));
    expect([error.code, error.reason]).toEqual([
      'temporarily_unavailable',
      'identity provider: keys: it refuses the connection',
    ]);
  });

  it('at a host that may not be reached are an outage, without a connection', async () => {
    fixture.reset();
    const error = await refusalOf(present(assertion()));
    expect([error.code, host.connections()]).toEqual(['temporarily_unavailable', 0]);
  });
});

it('the record of a kid is printable and of limited length', async () => {
  for (const kid of ['schlüssel', 'k'.repeat(125)]) {
    const odd = { ...KEY, kid };
    await fixture.save([web({ keys: [{ ...jwk(KEY), kid }] })]);
    expect((await present(assertion({}, {}, odd))).secretId).toBe('key:?');
  }
});
