import { eventually } from '../../../libs/token/test/eventually.ts';
import type { Answer } from '../../support/requests/answer.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import { providerKey, type ProviderSigningKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { HOSTILE_ANSWERS, type HostileProvider, sendJson } from '../../../src/testing/hostile-provider.ts';
import { TestInstallation } from '../cli/installation.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** The trusted issuer: its keys, its discovery document, and the addresses that its URLs may resolve to. */
const NO_SUCH_KEY = 'the issuer has no usable key of this kid and algorithm';
const NOT_CONFIRMED = 'the subject token is refused: the key does not confirm its signature';
const ANSWERS = Object.entries(HOSTILE_ANSWERS);

let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService({ providers: 2 * ANSWERS.length + 30 });
});
afterAll(() => service.close());

const keyFetches = ({ requests }: HostileProvider) => requests.filter((path) => path === '/keys').length;
const exchangeOf = (provider: HostileProvider, kid = 'k1') =>
  service.exchange({
    oidcToken: writeSubjectToken({ key: service.key, claims: service.claims({}, provider), header: { kid } }),
  });

/** Header and payload that anybody could write. */
function unsigned(kid: string, provider: HostileProvider): { readonly header: string; readonly payload: string } {
  const token = writeSubjectToken({ key: service.key, claims: service.claims({}, provider), header: { kid } });
  const [header, payload] = token.split('.') as [string, string];
  return { header, payload };
}

/** 503 until the keys are fetched again. Not a refusal of the token. */
function expectToWait(answer: Answer, seconds: number): void {
  expect(answer.refusal()).toEqual({
    status: 503,
    error: 'temporarily_unavailable',
    title: 'Failed to generate token',
  });
  expect(answer.headers.get('retry-after')).toBe(String(seconds));
}

/** 503 within 3 s, with no details for the caller. The reason is recorded. */
async function expectUnavailable(provider: HostileProvider, reason: string): Promise<void> {
  const stopwatch = startStopwatch();
  const answer = await exchangeOf(provider);
  expect(stopwatch.stop()).toBeLessThan(3_000);
  expect(answer.refusal()).toEqual({
    status: 503,
    error: 'temporarily_unavailable',
    title: 'Failed to generate token',
  });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(answer.text).not.toContain(provider.hostPort);
  expect(service.tessera.auditReason(answer.requestId)).toBe(`identity provider: ${reason}`);
}

describe('the keys of an issuer', () => {
  it('are fetched once for any number of exchanges at once', async () => {
    const provider = service.next();
    const answers = await Promise.all(Array.from({ length: 20 }, () => exchangeOf(provider)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('are fetched again when the issuer has rotated, once', async () => {
    const provider = service.next();
    expect((await exchangeOf(provider)).status).toBe(200);
    const rotated = providerKey('k2');
    provider.keys = [rotated.jwk];
    const token = () => writeSubjectToken({ key: rotated, claims: service.claims({}, provider) });
    expect((await service.exchange({ oidcToken: token() })).status).toBe(200);
    expect((await service.exchange({ oidcToken: token() })).status).toBe(200);
    expect(keyFetches(provider)).toBe(2);
    service.expectAnswerRefused(await exchangeOf(provider), NO_SUCH_KEY);
  });

  it('are searched once per cool-down, whatever kids are invented', async () => {
    const provider = service.next();
    expect((await exchangeOf(provider)).status).toBe(200);
    service.expectAnswerRefused(await exchangeOf(provider, 'x'), NO_SUCH_KEY);
    for (let kid = 0; kid < 20; kid++) expectToWait(await exchangeOf(provider, `x${kid}`), 30);
    expect(keyFetches(provider)).toBe(2);
    service.tessera.clock.advanceSeconds(31);
    service.expectAnswerRefused(await exchangeOf(provider, 'y'), NO_SUCH_KEY);
    expect(keyFetches(provider)).toBe(3);
  });

  it('that are new while no fetch is allowed are a 503, and are known after the next fetch', async () => {
    const provider = service.next();
    const bearer = await service.bearer();
    expect((await exchangeOf(provider)).status).toBe(200);
    const { header, payload } = unsigned('invented', provider);
    const junk = await service.exchange({ bearer, oidcToken: `${header}.${payload}.AAAA` });
    service.expectAnswerRefused(junk, NO_SUCH_KEY);
    const rotated = providerKey('k2');
    provider.keys = [rotated.jwk];
    service.tessera.clock.advanceSeconds(5);
    const oidcToken = writeSubjectToken({ key: rotated, claims: service.claims({}, provider) });
    const rows = service.tessera.auditRows();
    for (let count = 0; count < 30; count++) expectToWait(await service.exchange({ bearer, oidcToken }), 25);
    // The first ones are recorded with their reason; a flood of them does not fill the table.
    expect(service.tessera.auditRows()).toBe(rows + 20);
    service.tessera.clock.advanceSeconds(25);
    expect((await service.exchange({ bearer, oidcToken })).status).toBe(200);
    expect(keyFetches(provider)).toBe(3);
  });

  it('are fetched at the end of the cool-down without another request', async () => {
    const provider = service.next();
    expect((await exchangeOf(provider)).status).toBe(200);
    service.expectAnswerRefused(await exchangeOf(provider, 'x'), NO_SUCH_KEY);
    service.tessera.clock.advanceSeconds(29.9);
    expectToWait(await exchangeOf(provider, 'y'), 1);
    expect(keyFetches(provider)).toBe(2);
    service.tessera.clock.advanceSeconds(1);
    await eventually('the planned fetch', () => keyFetches(provider) === 3);
  });

  it('are searched within each tenant’s budget: invented kids of one delay no other', async () => {
    const provider = service.next();
    // The rest of acme is not in the file and stays.
    const theirs = trustOf('shared', provider.issuer, { subject: '{ match: email, domains: [globex.example] }' });
    await service.tessera.apply(tenantsWithTrusts('', theirs));
    const victim = await service.bearer({ tenant: 'globex' });
    expect((await exchangeOf(provider)).status).toBe(200);
    service.expectAnswerRefused(await exchangeOf(provider, 'x'), NO_SUCH_KEY);
    expectToWait(await exchangeOf(provider, 'y'), 30);
    const rotated = providerKey('k2');
    provider.keys = [rotated.jwk];
    const claims = service.claims({ email: 'grace@globex.example' }, provider);
    const answer = await service.exchange({
      bearer: victim,
      oidcToken: writeSubjectToken({ key: rotated, claims }),
    });
    expect(answer.status).toBe(200);
    expect(keyFetches(provider)).toBe(3);
  });

  it('that have another key under the same name are fetched once, and used', async () => {
    const provider = service.next();
    expect((await exchangeOf(provider)).status).toBe(200);
    const rekeyed = providerKey('k1');
    provider.keys = [rekeyed.jwk];
    const token = (key = rekeyed) => writeSubjectToken({ key, claims: service.claims({}, provider) });
    expect((await service.exchange({ oidcToken: token() })).status).toBe(200);
    expect(keyFetches(provider)).toBe(2);
    // Tokens of the old key are forgeries now.
    for (const key of [service.key, providerKey('k1')])
      service.expectAnswerRefused(await service.exchange({ oidcToken: token(key) }), NOT_CONFIRMED);
    expect(keyFetches(provider)).toBe(2);
  });

  it('that have another key under the same name are used after the cool-down, whatever started it', async () => {
    const provider = service.next();
    expect((await exchangeOf(provider)).status).toBe(200);
    const token = (key: ProviderSigningKey) => writeSubjectToken({ key, claims: service.claims({}, provider) });
    service.expectAnswerRefused(await service.exchange({ oidcToken: token(providerKey('k1')) }), NOT_CONFIRMED);
    const rekeyed = providerKey('k1');
    provider.keys = [rekeyed.jwk];
    service.tessera.clock.advanceSeconds(29.9);
    service.expectAnswerRefused(await service.exchange({ oidcToken: token(rekeyed) }), NOT_CONFIRMED);
    service.tessera.clock.advanceSeconds(1);
    await eventually('the planned fetch', () => keyFetches(provider) === 3);
    await eventually('a token', async () => (await service.exchange({ oidcToken: token(rekeyed) })).status === 200);
    expect(keyFetches(provider)).toBe(3);
  });

  it('are used for an hour while the issuer is down, and no longer', async () => {
    const provider = service.next();
    expect((await exchangeOf(provider)).status).toBe(200);
    await provider.stop();
    for (const seconds of [300, 1_500, 1_700]) {
      service.tessera.clock.advanceSeconds(seconds);
      expect((await exchangeOf(provider)).status).toBe(200);
    }
    service.tessera.clock.advanceSeconds(200);
    await expectUnavailable(provider, 'discovery: it refuses the connection');
    await provider.start();
    service.tessera.clock.advanceSeconds(31);
    expect((await exchangeOf(provider)).status).toBe(200);
  });

  it('that were never fetched are a 503, without a flood of requests', async () => {
    const provider = service.next();
    provider.onDiscovery = (_request, response) => {
      sendJson(response, {}, 500);
    };
    const answers = await Promise.all(Array.from({ length: 30 }, () => exchangeOf(provider)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(provider.requests).toHaveLength(1);
    await exchangeOf(provider);
    expect(provider.requests).toHaveLength(1);
  });

  it('an issuer that is down does not affect tokens of others', async () => {
    const provider = service.next();
    await provider.stop();
    await expectUnavailable(provider, 'discovery: it refuses the connection');
    expect((await service.exchange()).status).toBe(200);
  });
});

describe('the keys of a SPIFFE bundle', () => {
  it('are used by a tenant whose issuer says key_use: jwt-svid, and by no other tenant', async () => {
    const spiffe = await startExchangeService();
    const { provider, key, tessera } = spiffe;
    const svid = { ...key.jwk, alg: undefined };
    provider.keys = [
      { ...providerKey('x').jwk, use: 'x509-svid', alg: undefined, kid: undefined },
      { ...svid, use: 'jwt-svid' },
    ];
    const ofGlobex = { subject: '{ match: email, domains: [globex.example] }' };
    const trusts = (keyUse: string) =>
      tenantsWithTrusts(
        trustOf('corp', provider.issuer, { key_use: keyUse }),
        trustOf('spiffe', provider.issuer, ofGlobex),
      );
    await tessera.apply(trusts('jwt-svid'));
    const exchangeIn = async (tenant: 'acme' | 'globex') =>
      spiffe.exchange({
        bearer: await spiffe.bearer({ tenant }),
        oidcToken: writeSubjectToken({
          key,
          claims: spiffe.claims({ email: `grace@${tenant}.example` }),
        }),
      });
    expect((await exchangeIn('acme')).status).toBe(200);
    spiffe.expectAnswerRefused(await exchangeIn('globex'), NO_SUCH_KEY);
    // The key of certificates is for certificates only.
    provider.keys = [{ ...svid, use: 'x509-svid' }];
    tessera.clock.advanceSeconds(601);
    spiffe.expectAnswerRefused(await exchangeIn('acme'), NO_SUCH_KEY);
    // Keys for signatures, and those of no stated purpose, still count.
    for (const use of ['sig', undefined]) {
      provider.keys = [{ ...svid, use }];
      tessera.clock.advanceSeconds(601);
      expect((await exchangeIn('acme')).status).toBe(200);
    }
    provider.keys = [{ ...svid, use: 'jwt-svid' }];
    await tessera.apply(trusts('null'));
    tessera.clock.advanceSeconds(601);
    spiffe.expectAnswerRefused(await exchangeIn('acme'), NO_SUCH_KEY);
    await spiffe.close();
  });
});

describe('an issuer answers', () => {
  it.each(ANSWERS)('for discovery with %s', async (_name, { handler, reason }) => {
    const provider = service.next();
    provider.onDiscovery = handler;
    await expectUnavailable(provider, `discovery: ${reason}`);
    expect(keyFetches(provider)).toBe(0);
  });

  it.each(ANSWERS)('for its keys with %s', async (_name, { handler, reason }) => {
    const provider = service.next();
    provider.onKeys = handler;
    await expectUnavailable(provider, `keys: ${reason}`);
  });

  it.each<[string, (provider: HostileProvider) => object, string]>([
    ['another issuer', () => ({ issuer: 'https://idp.example.com' }), 'it names another issuer'],
    [
      'keys at another host',
      () => ({ jwks_uri: service.elsewhere.jwksUri }),
      'its keys are at another host, which the trust must name as jwks_uri',
    ],
    [
      'keys at the metadata service',
      () => ({ jwks_uri: 'http://169.254.169.254/keys' }),
      'the URL of its keys may not be fetched',
    ],
    ['no keys', () => ({ jwks_uri: undefined }), 'it names no keys'],
  ])('with a document that names %s', async (_name, changes, reason) => {
    const provider = service.next();
    const { issuer, jwksUri } = provider;
    provider.onDiscovery = (_request, response) => {
      sendJson(response, { issuer, jwks_uri: jwksUri, ...changes(provider) });
    };
    await expectUnavailable(provider, `discovery: ${reason}`);
    expect(service.elsewhere.connections()).toBe(0);
  });

  it('with 50,000 keys', async () => {
    const provider = service.next();
    provider.keys = Array.from({ length: 50_000 }, () => service.key.jwk);
    await expectUnavailable(provider, 'keys: an answer over 256 KiB');
  });

  it('with 101 keys', async () => {
    const provider = service.next();
    provider.keys = Array.from({ length: 101 }, (_, index) => ({ ...service.key.jwk, kid: `k${index}` }));
    await expectUnavailable(provider, 'keys: the key set has over 100 keys');
  });

  it('with a private key', async () => {
    const provider = service.next();
    provider.keys = [service.key.jwk, service.key.privateKey.export({ format: 'jwk' })];
    await expectUnavailable(provider, 'keys: the key set holds a private key');
  });

  it.each([
    ['RSA 1024', { bits: 1_024, exponent: 65_537 }],
    ['an exponent of 3', { bits: 2_048, exponent: 3 }],
  ])('with %s, which is skipped', async (_name, rsa) => {
    const weak = providerKey('weak', 'RS256', rsa);
    const spoilt = service.next();
    spoilt.keys = [weak.jwk, service.key.jwk];
    const oidcToken = writeSubjectToken({ key: weak, claims: service.claims({}, spoilt) });
    service.expectAnswerRefused(await service.exchange({ oidcToken }), NO_SUCH_KEY);
    expect((await exchangeOf(spoilt)).status).toBe(200);
  });
});

describe('an issuer in the internal network', () => {
  it.each([
    'http://idp.example.com',
    'ftp://idp.example.com',
    'https://user:pass@idp.example.com',
    'https://127.0.0.1',
    'https://localhost',
    'https://idp',
    'https://10.1.2.3',
    'https://192.168.1.1:8443',
    'https://169.254.169.254',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[fd00::1]',
    'https://[fe80::1]',
    'https://0x7f.1',
    'https://2130706433',
    'https://017700000001',
    'https://127.1',
    'https://idp.example.com:22',
  ])('%s is refused when the trusted issuer is saved', async (issuer) => {
    const installation = await TestInstallation.make();
    for (const trust of [
      trustOf('corp', issuer),
      trustOf('corp', 'https://idp.example.com', { jwks_uri: `"${issuer}/k"` }),
    ]) {
      const { code, stderr } = await installation.apply(tenantsWithTrusts(trust));
      expect([code, stderr]).toEqual([1, expect.stringMatching(/must (?:be|not|have|write)/)]);
    }
    expect(await installation.fingerprint()).toBeUndefined();
    await installation.remove();
  });

  it('is saved if its name is listed as private, and only by https and under that name', async () => {
    const installation = await TestInstallation.make({ TESSERA_FEDERATION_PRIVATE_HOSTS: 'keycloak,idp.corp.example' });
    const apply = (issuer: string) => installation.apply(tenantsWithTrusts(trustOf('corp', issuer)), '--dry-run');
    expect((await installation.apply(tenantsWithTrusts(trustOf('corp', 'https://keycloak:8443/realms/a')))).code).toBe(
      0,
    );
    expect((await apply('https://idp.corp.example')).code).toBe(0);
    for (const issuer of [
      'http://keycloak:8443/realms/a',
      'https://keycloak2',
      'https://10.1.2.3',
      'https://localhost',
    ])
      expect(await apply(issuer)).toMatchObject({ code: 1, stderr: expect.stringMatching(/must (?:be|not)/) });
    // A server without the list does not go there.
    const wary = await TestInstallation.make({ TESSERA_DATA_DIR: installation.dataDirectory });
    const { code, stdout } = await wary.run(['issuers', 'check', 'acme', 'corp']);
    expect([code, stdout]).toEqual([1, expect.stringContaining('its URL may not be fetched')]);
    await wary.remove();
    await installation.remove();
  });

  it('that was saved when its host was allowed is refused at each connect', async () => {
    const { provider, key } = service;
    const strict = await startExchangeService({ env: {} });
    const { tessera } = strict;
    await expect(tessera.apply(tenantsWithTrusts(trustOf('corp', provider.issuer)))).rejects.toThrow(/plain http/);
    await strict.close();
    // The command that saves the file has the host in its list; the server that reads it has not.
    const before = provider.connections();
    const lax = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort });
    expect((await lax.apply(tenantsWithTrusts(trustOf('corp', provider.issuer)))).code).toBe(0);
    const wary = await TestInstallation.make({ TESSERA_DATA_DIR: lax.dataDirectory });
    const checked = await wary.run(['issuers', 'check', 'acme', 'corp']);
    expect([checked.code, checked.stdout]).toEqual([1, expect.stringContaining('its URL may not be fetched')]);
    const token = writeSubjectToken({ key, claims: service.claims({}, provider) });
    const tried = await wary.run(['issuers', 'check', 'acme', 'corp', '--token', '-'], { stdin: token });
    expect([tried.code, tried.stderr]).toEqual([1, expect.stringContaining('its URL may not be fetched')]);
    expect(provider.connections()).toBe(before);
    await lax.remove();
    await wary.remove();
  });

  it('the allowed hosts are in the log of each start', () => {
    const line = service.tessera
      .log()
      .split('\n')
      .find((text) => text.includes('"event":"federation_allowed_hosts"'));
    expect(line).toContain(service.provider.hostPort);
    expect(line).toContain('"level":40');
  });
});
