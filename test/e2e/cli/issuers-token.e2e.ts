import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import {
  type Handler,
  HOSTILE_ANSWERS,
  type HostileProvider,
  sendJson,
  startHostileProvider,
} from '../../../src/testing/hostile-provider.ts';
import { certificateAuthority } from '../../../src/testing/self-signed-certificate.ts';
import { TestInstallation } from './installation.ts';

const KEY = providerKey('k1');
let provider: HostileProvider;
let installation: TestInstallation;
/** Most tests only ask: they share what was applied. */
let applied = '';
beforeAll(async () => {
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk, providerKey('k2', 'RS256').jwk];
  installation = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort });
});
beforeEach(async () => {
  await provider.reset();
  await trusting({});
});
afterAll(async () => {
  await provider.close();
  await installation.remove();
});

const trusting = (changes: Readonly<Record<string, string>>) => apply(trustOf('corp', provider.issuer, changes));

async function apply(trusts: string): Promise<void> {
  if (trusts === applied) return;
  // A member that a file does not name stays as it is, so the last issuer goes first.
  for (const next of ['', trusts]) await installation.applied(tenantsWithTrusts(next), '--prune');
  applied = trusts;
}

type Claims = Readonly<Record<string, unknown>>;
const now = Math.floor(Date.now() / 1000);
const goodClaims = (): Claims => ({
  iss: provider.issuer,
  sub: '1',
  aud: 'tessera-acme',
  iat: now,
  exp: now + 300,
  email: 'grace@acme.example',
  email_verified: true,
  hd: 'acme.example',
});
const token = (changes: Claims = {}, header: Claims = {}) =>
  writeSubjectToken({ key: KEY, claims: { ...goodClaims(), ...changes }, header });

interface Failed {
  readonly hop: string;
  readonly reason: string;
  readonly name: string | null;
  readonly wants: string | null;
  readonly has: string | null;
  readonly mend: string | null;
}
interface Row {
  readonly name: string;
  readonly has: string;
  readonly wants: string;
}
interface Output {
  readonly hops: readonly { readonly hop: string; readonly outcome: string }[];
  readonly claims: Claims | null;
  readonly issuer: string | null;
  readonly comparison: readonly Row[];
  readonly failed: Failed | null;
  readonly identities: readonly object[];
  readonly key_set: { readonly fetched_at: string | null };
}

const check = (stdin: string, more = '') =>
  installation.run(`issuers check acme --token - ${more}`.trim().split(' '), { stdin });
const checkedJson = async (stdin: string, more = '') => {
  const { code, stdout } = await check(stdin, `${more} -o json`.trim());
  return { code, stdout, ...(JSON.parse(stdout) as Output) };
};
const rowOf = ({ comparison }: Output, name: string) => comparison.find((row) => row.name === name);

/** The failed check of a token that is refused. The sentence of the text says the same and ends with the mend. */
async function failedCheck(stdin: string, more = ''): Promise<Failed> {
  const json = await checkedJson(stdin, more);
  const { failed } = json;
  if (failed === null) throw new Error('no check has failed');
  expect(json.code).toBe(1);
  expect(json.claims).toBeNull();
  expect(json.hops.find(({ outcome }) => outcome === 'refused')?.hop).toBe(failed.hop);
  const text = await check(stdin, more);
  const sentences = text.stdout.split('\n').filter((line) => line.startsWith('Refused at '));
  expect(sentences).toHaveLength(1);
  expect(sentences[0]).toContain(`Refused at ${failed.hop}: ${failed.reason}`);
  for (const part of [failed.name, failed.wants]) if (part !== null) expect(sentences[0]).toContain(part);
  if (failed.mend !== null) expect(sentences[0]?.endsWith(`: ${failed.mend}`)).toBe(true);
  return failed;
}

describe('issuers check --token - sets the token beside the trusted issuer', () => {
  it('with each of its properties, also if it passes', async () => {
    const json = await checkedJson(token({ azp: 'shop-app' }));
    expect(json).toMatchObject({ code: 0, issuer: 'corp', failed: null, identities: [] });
    expect(json.claims).toMatchObject({ sub: 'u-grace' });
    expect(json.comparison).toEqual([
      { name: 'iss', has: `"${provider.issuer}"`, wants: `"${provider.issuer}"` },
      { name: 'aud', has: '"tessera-acme"', wants: '"tessera-acme"' },
      { name: 'azp', has: '"shop-app"', wants: 'anything' },
      { name: 'sub', has: '"1"', wants: 'any text: email names the subject' },
      { name: 'email', has: 'an address at "acme.example"', wants: 'an address at "acme.example"' },
      { name: 'email_verified', has: 'true', wants: 'true' },
      { name: 'kid', has: '"k1"', wants: 'one of "k1", "k2"' },
      { name: 'alg', has: '"ES256"', wants: '"ES256"' },
      { name: 'typ', has: '"JWT"', wants: 'none, or one of "JWT", "at+jwt"' },
      { name: 'size', has: `${token({ azp: 'shop-app' }).length} bytes`, wants: 'at most 16384 bytes' },
      { name: 'depth', has: '1', wants: 'at most 8' },
      {
        name: 'iat',
        has: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d+ s ago\)$/),
        wants: 'at most 600 s ago, and 30 s for clocks',
      },
      { name: 'exp', has: expect.stringMatching(/Z \(in \d+ s\)$/), wants: 'in the future' },
      { name: 'nbf', has: 'none', wants: 'none, or at most 30 s ahead' },
      { name: 'lifetime', has: '300 s', wants: 'at most 3600 s' },
    ]);
    const { stdout } = await check(token({ azp: 'shop-app' }));
    expect(stdout).toMatch(/^ +THE TOKEN HAS +ISSUER corp WANTS$/m);
    expect(stdout).toMatch(/^kid +"k1" +one of "k1", "k2"$/m);
    expect(stdout).not.toContain('Refused at');
  });

  it('with what its options want', async () => {
    await trusting({
      audiences: '[a, b]',
      azp: '[android, ios]',
      algorithms: '[EdDSA, ES256]',
      typ: '[JOSE]',
      subject: '{ match: linked, claim: /profile/id }',
      max_age: '5m',
    });
    const json = await checkedJson(token({ aud: ['a', 'c'], azp: 'web', profile: { id: 'x-1' } }));
    expect(rowOf(json, 'aud')).toEqual({ name: 'aud', has: '"a", "c"', wants: expect.stringContaining('"a", "b"') });
    expect(rowOf(json, 'azp')).toEqual({ name: 'azp', has: '"web"', wants: 'one of "android", "ios"' });
    expect(rowOf(json, 'alg')?.wants).toBe('one of "ES256", "EdDSA", "Ed25519"');
    expect(rowOf(json, 'typ')?.wants).toBe('none, or one of "JWT", "at+jwt", "jose"');
    expect(rowOf(json, 'sub')?.wants).toBe('any text: /profile/id names the subject');
    expect(rowOf(json, '/profile/id')).toMatchObject({ has: '"x-1"' });
    expect(rowOf(json, 'iat')?.wants).toBe('at most 300 s ago, and 30 s for clocks');
    expect(rowOf(json, 'depth')?.has).toBe('2');
    expect(rowOf(json, 'email')).toBeUndefined();
  });

  it('with the claim that takes the place of aud', async () => {
    await trusting({ audience_claim: 'client_id' });
    const failed = await failedCheck(token({ aud: undefined, client_id: 'other' }));
    expect(failed).toMatchObject({ name: 'client_id', wants: '"tessera-acme"', has: '"other"' });
    expect(await failedCheck(token({ client_id: 'tessera-acme' }))).toMatchObject({ name: 'aud', wants: 'none' });
  });
});

describe('issuers check --token - says which check failed, why, and what mends it', () => {
  it.each<[string, Claims, Claims, Omit<Failed, 'mend'>]>([
    [
      'another audience',
      { aud: 'account' },
      {},
      of('audience', 'it is for another audience', 'aud', '"tessera-acme"', '"account"'),
    ],
    [
      'no audience',
      { aud: undefined },
      {},
      of('audience', 'its audience is missing or not a text', 'aud', '"tessera-acme"', 'none'),
    ],
    [
      'a foreign audience',
      { aud: ['tessera-acme', 'x'] },
      {},
      of(
        'audience',
        'it is for several audiences and was asked for by another',
        'azp',
        'anything; with a foreign audience "tessera-acme"',
        'none',
      ),
    ],
    [
      'no subject',
      { sub: undefined },
      {},
      of('kind', 'it has no subject', 'sub', 'any text: email names the subject', 'none'),
    ],
    ['an actor', { act: { sub: '2' } }, {}, of('kind', 'it came from an exchange itself')],
    ['events', { events: {} }, {}, of('kind', 'it is a security event')],
    ['a bound key', { cnf: {} }, {}, of('kind', 'it is bound to a key')],
    ['an expiry in the past', { exp: now - 5 }, {}, of('times', 'it has expired', 'exp', 'in the future', / s ago\)$/)],
    [
      'an issue in the future',
      { iat: now + 600, exp: now + 900 },
      {},
      of('times', 'it was issued in the future', 'iat', 'at most 600 s ago, and 30 s for clocks', /\(in \d+ s\)$/),
    ],
    [
      'a later beginning',
      { nbf: now + 600 },
      {},
      of('times', 'it is not valid yet', 'nbf', 'none, or at most 30 s ahead', /\(in \d+ s\)$/),
    ],
    [
      'an old issue',
      { iat: now - 3_000 },
      {},
      of('times', 'it is older than the trust allows', 'iat', /^at most 600 s ago/, / s ago\)$/),
    ],
    [
      'a long life',
      { exp: now + 90_000 },
      {},
      of('times', 'its life is longer than the trust allows', 'lifetime', 'at most 3600 s', '90000 s'),
    ],
    [
      'a text for a time',
      { iat: 'soon' },
      {},
      of('times', 'its iat is missing or not a time', 'iat', /600 s/, '"soon"'),
    ],
    [
      'a time beyond all dates',
      { exp: 9e15 },
      {},
      of('times', 'its life is longer than the trust allows', 'lifetime', /3600/, /^\d+ s$/),
    ],
    [
      'an unverified address',
      { email_verified: false },
      {},
      of('subject', 'its e-mail address is not verified', 'email_verified', 'true', 'false'),
    ],
    [
      'a text for the boolean',
      { email_verified: 'true' },
      {},
      of('subject', /^its email_verified is the text "true"/, 'email_verified', 'true', '"true"'),
    ],
    [
      'another domain',
      { email: 'grace@other.example' },
      {},
      of(
        'subject',
        'its e-mail domain is not one of the trust',
        'email',
        'an address at "acme.example"',
        'an address at "other.example"',
      ),
    ],
    [
      'no address',
      { email: undefined },
      {},
      of('subject', 'it has no usable e-mail address', 'email', 'an address at "acme.example"', 'none'),
    ],
    [
      'another value of a condition',
      { hd: 'other' },
      {},
      of('conditions', 'it does not meet the condition on "hd"', 'hd', 'the text "acme.example"', 'the text "other"'),
    ],
    [
      'another kind',
      {},
      { typ: 'logout+jwt' },
      of('trust', 'its issuer is not trusted with tokens of this typ', 'typ', /"JWT", "at\+jwt"$/, '"logout+jwt"'),
    ],
    [
      'another algorithm',
      {},
      { alg: 'RS256' },
      of('trust', 'its issuer is not trusted with this algorithm', 'alg', '"ES256"', '"RS256"'),
    ],
    [
      'an HMAC',
      {},
      { alg: 'HS256' },
      of('form', 'its algorithm proves nothing about who signed', 'alg', '"ES256"', '"HS256"'),
    ],
    ['a critical header', {}, { crit: ['b64'] }, of('form', 'its header changes its meaning')],
    ['a number for a kid', {}, { kid: 5 }, of('form', 'its kid is not a text', 'kid', 'a key of the issuer', '5')],
    [
      'an unknown key',
      {},
      { kid: 'k9' },
      of('key', 'the issuer has no usable key of this kid and algorithm', 'kid', 'one of "k1", "k2"', '"k9"'),
    ],
    ['somebody who is disabled', { email: 'bob@acme.example' }, {}, of('admission', 'the subject is disabled')],
    ['somebody whom nobody knows', { email: 'nobody@acme.example' }, {}, of('admission', 'unknown subject')],
  ])('for %s', async (_name, claims, header, expected) => {
    const failed = await failedCheck(token(claims, header));
    expect(failed).toMatchObject(expected);
    expect(failed.mend).toMatch(/^\w.{10,}/);
  });

  it('in one sentence', async () => {
    const { stdout, stderr } = await check(token({ aud: 'account' }));
    expect(stdout.split('\n')).toContain(
      'Refused at audience: it is for another audience (aud: wants "tessera-acme", the token has "account"): request the token for an audience of the issuer, or add this one to "audiences" if such tokens are meant for you',
    );
    expect(stderr).toContain('There would be no token: the subject token is refused: it is for another audience.');
  });

  it('with the mend of a condition whose type can never match', async () => {
    await trusting({ conditions: '{ level: 1 }' });
    expect(await failedCheck(token({ level: '1' }))).toMatchObject({
      name: 'level',
      mend: 'write the value in quotes',
    });
  });

  it('for a wrong signature', async () => {
    const signed = token();
    const failed = await failedCheck(`${signed.slice(0, -8)}AAAAAAAA`);
    expect(failed).toMatchObject({ hop: 'signature', name: 'kid', wants: 'one of "k1", "k2"', has: '"k1"' });
  });

  it('for a client and a surface that the issuer is not for', async () => {
    expect((await failedCheck(token(), '--client shop/other')).mend).toContain('--client');
    await trusting({ surfaces: '[user]' });
    expect((await failedCheck(token(), '--surface admin')).mend).toContain('--surface');
  });

  it.each([
    ['nothing', () => '', 'not three parts', /^give a signed JWT/],
    ['an opaque token', () => 'opaque', 'not three parts', /^give a signed JWT/],
    ['an encrypted token', () => 'a.b.c.d.e', 'not three parts', /^give a signed JWT/],
    ['the whole header', () => `Bearer ${token()}`, 'a part is not canonical base64url', /without "Bearer"/],
    ['three parts of nothing', () => 'YQ.YQ.YQ', 'syntax', /^give the token exactly/],
  ])('for %s instead of a token', async (_name, stdin, fault, mend) => {
    const failed = await failedCheck(stdin());
    expect(failed).toMatchObject({
      hop: 'form',
      reason: `it is malformed, ${fault}`,
      mend: expect.stringMatching(mend),
    });
    expect((await checkedJson(stdin())).comparison.map(({ name }) => name)).toEqual(['size']);
  });

  it('for a token over the size, with the rest of its properties', async () => {
    const large = token({ groups: Array(2_000).fill('a-long-group') });
    expect(await failedCheck(large)).toMatchObject({
      reason: 'it is malformed, too long',
      name: 'size',
      wants: 'at most 16384 bytes',
      has: `${large.length} bytes`,
    });
    expect(rowOf(await checkedJson(large), 'iss')?.has).toBe(`"${provider.issuer}"`);
  });

  it('for a token that nests too deeply, and for one that is far too deep', async () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
    const failed = await failedCheck(token({ deep: nested(11) }));
    expect(failed).toMatchObject({ reason: 'it is malformed, nested too deeply', name: 'depth', has: '12' });
    expect(await failedCheck(token({ deep: nested(500) }))).toMatchObject({ name: 'depth', has: 'far more' });
  });
});

/** `has` and `wants` may be patterns. */
function of(
  hop: string,
  reason: string | RegExp,
  name: string | null = null,
  wants: string | RegExp | null = null,
  has: string | RegExp | null = null,
): Omit<Failed, 'mend'> {
  const like = (text: string | RegExp | null) =>
    text instanceof RegExp ? (expect.stringMatching(text) as string) : text;
  return { hop, reason: like(reason) ?? '', name, wants: like(wants), has: like(has) };
}

describe('issuers check shows the expected and the found issuer', () => {
  it.each([
    ['a slash', (issuer: string) => `${issuer}/`, /^they differ in the slash at the end, so write/],
    ['case', (issuer: string) => issuer.toUpperCase(), /^they differ in upper and lower case/],
    ['the scheme', (issuer: string) => issuer.replace('http:', 'https:'), /^they differ in the scheme or the port/],
    ['the port', () => 'http://127.0.0.1', /^they differ in the scheme or the port/],
    ['everything', () => 'https://idp.example.com', /^give a token of a trusted issuer/],
  ])('of a token, which differ in %s', async (_name, change, mend) => {
    const found = change(provider.issuer);
    const failed = await failedCheck(token({ iss: found }));
    expect(failed).toMatchObject({
      hop: 'trust',
      reason: 'this tenant does not trust its issuer',
      name: 'iss',
      wants: `"${provider.issuer}"`,
      has: `"${found}"`,
      mend: expect.stringMatching(mend),
    });
    expect(provider.requests).toEqual([]);
  });

  it('of a token, with all that the tenant trusts', async () => {
    await apply(trustOf('corp', provider.issuer) + trustOf('spare', 'https://idp.example.com'));
    const json = await checkedJson(token({ iss: 'https://x.example' }));
    expect(json.issuer).toBeNull();
    expect(rowOf(json, 'iss')?.wants).toBe(`one of "${provider.issuer}", "https://idp.example.com"`);
    expect(rowOf(json, 'alg')?.wants).toBe('unknown: no trusted issuer is that of the token');
    expect((await checkedJson(token())).issuer).toBe('corp');
  });

  it('of this service', async () => {
    const iss = `${installation.config().publicUrl}/tenants/acme`;
    expect(await failedCheck(token({ iss }))).toMatchObject({ reason: 'it is one of ours', has: `"${iss}"` });
  });

  it('of a discovery document', async () => {
    provider.onDiscovery = (_request, response) => {
      sendJson(response, { issuer: 'https://other.example/\u001b[2J', jwks_uri: provider.jwksUri });
    };
    expect(await failedCheck(token())).toMatchObject({
      hop: 'key',
      reason: 'identity provider: discovery: it names another issuer',
      name: 'issuer of the discovery document',
      wants: `"${provider.issuer}"`,
      has: '"https://other.example/\\u001b[2J"',
    });
    const { stdout } = await installation.run(['issuers', 'check', 'acme', 'corp']);
    expect(stdout).toContain(`\n  expected "${provider.issuer}", found "https://other.example/\\u001b[2J"\n`);
    const json = await installation.run(['issuers', 'check', 'acme', 'corp', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ issuers: [{ found_issuer: 'https://other.example/\u001b[2J' }] });
    expect(json.stdout).not.toContain('\u001b');
  });
});

describe('issuers check --token - explains the keys', () => {
  it('says when it fetched its own, and how old those of a server may be', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { key_set: keySet } = await checkedJson(token());
    expect(keySet).toMatchObject({
      server_max_age_seconds: 600,
      server_max_age_without_answer_seconds: 3600,
    });
    const fetchedAt = Date.parse(keySet.fetched_at!) / 1000;
    expect(fetchedAt).toBeGreaterThanOrEqual(before);
    expect(fetchedAt).toBeLessThanOrEqual(Date.now() / 1000);
    expect((await check(token())).stdout).toMatch(
      /^This fetched the keys at \S+Z\. Those of a server are at most 10 minutes old, or 60 while the issuer does not answer: /m,
    );
  });

  it('says so if it fetched none', async () => {
    const untrusted = token({ iss: 'https://idp.example.com' });
    expect((await checkedJson(untrusted)).key_set.fetched_at).toBeNull();
    expect((await check(untrusted)).stdout).toContain(
      '\nThis fetched no keys. Those of a server are at most 10 minutes',
    );
  });

  it.each<[string, () => Promise<void> | void, string, RegExp]>([
    ['a provider that is gone', () => provider.stop(), 'discovery: it refuses the connection', /^correct the port/],
    [
      'a redirect',
      () => {
        answerKeys('a redirect to another path');
      },
      'keys: a redirect',
      /^write the URL/,
    ],
    [
      'a page',
      () => {
        answerKeys('HTML');
      },
      'keys: an answer that is not JSON',
      /^correct the issuer or its jwks_uri/,
    ],
    [
      'an error',
      () => {
        answerKeys('an error status');
      },
      'keys: an error status',
      /there is no such document$/,
    ],
    [
      'a large answer',
      () => {
        answerKeys('30 MB, announced');
      },
      'keys: an answer over 256 KiB',
      /this is no key set$/,
    ],
    [
      'keys elsewhere',
      () => {
        provider.onDiscovery = (_request, response) => {
          sendJson(response, { issuer: provider.issuer, jwks_uri: 'https://keys.example.com/' });
        };
      },
      'discovery: its keys are at another host, which the trust must name as jwks_uri',
      /^write jwks_uri/,
    ],
  ])('ends with the mend for %s', async (_name, breakProvider, phrase, mend) => {
    await breakProvider();
    const failed = await failedCheck(token());
    expect(failed).toMatchObject({ hop: 'key', reason: `identity provider: ${phrase}` });
    expect(failed.mend).toMatch(mend);
  });

  it('does not repeat the mend of a phrase that ends with one', async () => {
    const authority = certificateAuthority('Nobody trusts this');
    const secure = await startHostileProvider({ tls: authority.issue('127.0.0.1') });
    const other = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: secure.hostPort });
    await other.applied(tenantsWithTrusts(trustOf('corp', secure.issuer)));
    const { stdout } = await other.run(['issuers', 'check', 'acme', '--token', '-'], {
      stdin: token({ iss: secure.issuer }),
    });
    expect(stdout).toMatch(
      /^Refused at key: .*: name the file of the authority in NODE_EXTRA_CA_CERTS and start again$/m,
    );
    await secure.close();
    await other.remove();
  });
});

function answerKeys(name: string): void {
  const { handler } = HOSTILE_ANSWERS[name] as { handler: Handler };
  provider.onKeys = handler;
}

describe('issuers check --token - prints what to write for an unknown account', () => {
  const pasted = (stdout: string) => stdout.split('\n').find((line) => line.startsWith('identities: '));
  const write = (list: string, person: string) =>
    installation.applied(`apiVersion: tessera/v1\ntenants:\n  - id: acme\n    ${list}:\n${person}\n`);
  afterEach(async () => {
    await write('users', '      - { id: u-grace, identities: [] }');
    await write('admins', '      - { id: a-grace, identities: [] }');
  });

  it.each([
    '248289761001',
    'off',
    ' ends ',
    'organization:acme:project:Default Project:run',
    `it's: "quoted" # [no], {comment}`,
    'ж中 \u202e\u{1f600}',
    'grace@acme.example',
    'repo:acme@583231/orders@1296269:ref:refs/heads/main',
    'x'.repeat(255),
  ])('which links %j when it is pasted', async (sub) => {
    await trusting({ subject: '{ match: linked }' });
    const json = await checkedJson(token({ sub }));
    expect(json.failed).toMatchObject({
      hop: 'admission',
      reason: 'unknown subject',
      mend: expect.stringContaining('as below'),
    });
    expect(json.identities).toEqual([{ issuer: 'corp', sub }]);
    const { stdout } = await check(token({ sub }));
    expect(stdout).toContain('Write to the user in the tenants file, together with the identities');
    await write('users', `      - id: u-grace\n        ${pasted(stdout)}`);
    expect((await checkedJson(token({ sub }))).claims).toMatchObject({ sub: 'u-grace' });
    expect(await checkedJson(token({ sub: `${sub.slice(0, -1)}?` }))).toMatchObject({ code: 1, claims: null });
  });

  it('with the value of the claim under sub, on the admin surface too, and in a person on one line', async () => {
    await trusting({ subject: '{ match: linked, claim: /profile/employee }' });
    const employee = token({ profile: { employee: 'e-4711' } });
    const { stdout } = await check(employee, '--surface admin');
    expect(stdout).toContain('Write to the administrator in the tenants file');
    expect(pasted(stdout)).toContain('sub: e-4711');
    await write('admins', `      - { id: a-grace, ${pasted(stdout)} }`);
    expect((await checkedJson(employee, '--surface admin')).claims).toMatchObject({ sub: 'a-grace' });
    expect((await checkedJson(employee)).failed?.reason).toBe('unknown subject');
  });

  it.each<[string, Readonly<Record<string, string>>, Claims, RegExp]>([
    ['of a value that no file may hold', { subject: '{ match: linked }' }, { sub: 'a*' }, /^link by another claim/],
    ['where an address names the subject', {}, { email: 'nobody@acme.example' }, /^add a user with the e-mail address/],
  ])('nothing %s', async (_name, changes, claims, mend) => {
    await trusting(changes);
    const json = await checkedJson(token(claims));
    expect(json.identities).toEqual([]);
    expect(json.failed).toMatchObject({ reason: 'unknown subject', mend: expect.stringMatching(mend) });
    expect(pasted((await check(token(claims))).stdout)).toBeUndefined();
  });

  it('nothing for somebody who is known or whose token is refused before', async () => {
    await trusting({ subject: '{ match: linked }' });
    expect((await checkedJson(token({ aud: 'account' }))).identities).toEqual([]);
  });
});

describe('issuers check --token - prints what is in the token', () => {
  const HOSTILE = '\u001b[2J\u202e\u0000\n\u2028evil';
  const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029\u2066-\u2069]/;

  it.each([
    ['iss', { iss: HOSTILE }, {}],
    ['aud', { aud: [HOSTILE, HOSTILE] }, {}],
    ['azp', { azp: HOSTILE, aud: 'x' }, {}],
    ['sub', { sub: HOSTILE }, {}],
    ['kid', {}, { kid: HOSTILE }],
    ['alg', {}, { alg: HOSTILE }],
    ['typ', {}, { typ: HOSTILE }],
    ['iat', { iat: HOSTILE }, {}],
    ['email', { email: HOSTILE }, {}],
  ])('escaped: %s', async (name, claims, header) => {
    await trusting({ subject: name === 'email' ? '{ match: email, domains: [acme.example] }' : '{ match: linked }' });
    const shown = token(claims, header);
    const { stdout, stderr } = await check(shown);
    const json = await checkedJson(shown);
    for (const text of [stdout, stderr, json.stdout]) expect(text).not.toMatch(UNSEEN);
    expect(stdout.split('\n').filter((line) => line.startsWith('evil'))).toEqual([]);
    expect(rowOf(json, name)?.has).toContain('\\u001b[2J');
  });

  it.each([
    ['iss', { iss: 'z'.repeat(9_000) }, {}],
    ['aud', { aud: Array(900).fill('z'.repeat(9)) }, {}],
    ['azp', { azp: 'z'.repeat(9_000), aud: 'x' }, {}],
    ['sub', { sub: 'z'.repeat(9_000) }, {}],
    ['kid', {}, { kid: 'z'.repeat(9_000) }],
  ])('bounded: %s', async (name, claims, header) => {
    await trusting({ subject: '{ match: linked }' });
    const { stdout, stderr } = await check(token(claims, header));
    const json = await checkedJson(token(claims, header));
    for (const text of [stdout, stderr, json.stdout]) {
      expect(text).not.toContain('z'.repeat(513));
      expect((text.match(/z{9}/g) ?? []).length).toBeLessThan(300);
    }
    expect(rowOf(json, name)?.has).toMatch(/z(?:…"| and 895 more|", .* and 895 more)$/);
  });

  it('without the token and the addresses in it', async () => {
    const shown = token({ sub: 'grace@acme.example', hd: 'other' });
    for (const { stdout, stderr } of [await check(shown), await check(shown, '-o json')]) {
      for (const part of shown.split('.')) expect(stdout + stderr).not.toContain(part);
      expect(stdout + stderr).not.toContain('grace@');
    }
  });
});
