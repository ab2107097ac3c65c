import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, sendJson, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { TestInstallation } from './installation.ts';

const KEY = providerKey('k1');
let provider: HostileProvider;
let installation: TestInstallation;
beforeEach(async () => {
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk];
  installation = await TestInstallation.make({ TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort });
  await installation.applied(tenantsWithTrusts(trustOf('corp', provider.issuer)));
});
afterEach(async () => {
  await provider.close();
  await installation.remove();
});

const now = Math.floor(Date.now() / 1000);
const token = (changes: Record<string, unknown> = {}) =>
  writeSubjectToken({
    key: KEY,
    claims: {
      iss: provider.issuer,
      sub: '1',
      aud: 'tessera-acme',
      iat: now,
      exp: now + 300,
      email: 'grace@acme.example',
      email_verified: true,
      hd: 'acme.example',
      ...changes,
    },
  });
const check = (line: string, stdin = '') => installation.run(`issuers check ${line}`.split(' '), { stdin });

interface Explained {
  readonly hops: readonly { readonly hop: string; readonly outcome: string; readonly reason?: string }[];
  readonly claims: Readonly<Record<string, unknown>> | null;
}

describe('tessera issuers list', () => {
  it('shows the trusted issuers of a tenant, as text and as JSON', async () => {
    const text = await installation.run(['issuers', 'list', 'acme']);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^ID +ISSUER/);
    expect(text.stdout).toContain(`corp  ${provider.issuer}  web`);
    const json = await installation.run(['issuers', 'list', 'acme', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      issuers: [{ id: 'corp', issuer: provider.issuer, jwks_uri: null, conditions: { hd: ['acme.example'] } }],
    });
    expect(JSON.parse(json.stdout)).toMatchObject({
      issuers: [{ audience_claim: null, azp: null, email_verified: null }],
    });
  });

  it('shows every option of an issuer', async () => {
    await installation.applied(
      tenantsWithTrusts(
        trustOf('corp', provider.issuer, {
          audience_claim: 'client_id',
          azp: '[android, ios]',
          email_verified: 'text_allowed',
          conditions: '{ level: [1, 2], roles: { has_key: admin }, scope: { contains: read } }',
        }),
      ),
    );
    const text = await installation.run(['issuers', 'list', 'acme']);
    expect(text.stdout).toContain('  level=1|2 roles has key admin scope contains read  ');
    const json = await installation.run(['issuers', 'list', 'acme', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      issuers: [
        {
          audience_claim: 'client_id',
          azp: ['android', 'ios'],
          email_verified: 'text_allowed',
          conditions: { level: [1, 2], roles: { has_key: 'admin' }, scope: { contains: 'read' } },
        },
      ],
    });
  });

  it('says what to do where there is none, and where there is no tenant', async () => {
    expect((await installation.run(['issuers', 'list', 'globex'])).stdout).toContain('trusts no issuer: add one');
    expect(await installation.run(['issuers', 'list', 'nobody'])).toMatchObject({ code: 1 });
  });
});

describe('who the tokens are about', () => {
  const applied = (subject: string, more: Readonly<Record<string, string>> = {}) =>
    installation.applied(tenantsWithTrusts(trustOf('corp', provider.issuer, { subject, ...more })));

  it.each([
    ['{ match: linked, claim: oid }', '[user]', 'linked by oid', { match: 'linked', claim: 'oid' }],
    ['{ match: user, id: u-grace }', '[user]', 'user u-grace', { match: 'user', id: 'u-grace' }],
    ['{ match: user, id: a-grace }', '[admin]', 'administrator a-grace', { match: 'user', id: 'a-grace' }],
  ])('%s is listed, exported and planned', async (subject, surfaces, text, document) => {
    await applied(subject, { surfaces });
    expect((await installation.run(['issuers', 'list', 'acme'])).stdout).toContain(`  ${text}\n`);
    const { stdout } = await installation.run(['issuers', 'list', 'acme', '-o', 'json']);
    expect((JSON.parse(stdout) as { issuers: object[] }).issuers[0]).toMatchObject({ subject: document });
    const exported = (await installation.run(['export'])).stdout;
    expect(exported).toContain(`subject: ${subject}`);
    const again = await installation.apply(exported, '--prune', '--dry-run');
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).not.toMatch(/issuer acme/);
    const changed = exported.replace(`subject: ${subject}`, 'subject: { match: email, domains: [acme.example] }');
    expect((await installation.apply(changed, '--dry-run')).stdout).toContain(
      `~ update issuer acme/corp   subject: ${subject} → { match: email, domains: [acme.example] }`,
    );
  });

  it('is tried by a token', async () => {
    await applied('{ match: user, id: u-grace }', { surfaces: '[user]' });
    const { code, stdout } = await check('acme corp --token - -o json', token({ email: undefined }));
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Explained).claims).toMatchObject({ sub: 'u-grace' });
    await applied('{ match: user, id: a-grace }', { surfaces: '[admin]' });
    const admin = await check('acme corp --token - -o json --surface admin', token({ email: undefined }));
    expect((JSON.parse(admin.stdout) as Explained).claims).toMatchObject({ sub: 'a-grace' });
    await applied('{ match: linked, claim: oid }');
    const refused = await check('acme corp --token -', token());
    expect(refused.stdout).toMatch(/^subject +refused +the subject token is refused: its oid cannot be linked$/m);
  });
});

describe('tessera issuers check', () => {
  it('fetches the keys as a server would', async () => {
    const { code, stdout } = await check('acme corp');
    expect(code).toBe(0);
    const time = /(?<=fetched at )\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
    expect(stdout.replace(time, 'NOW')).toBe(
      `corp: ${provider.issuer}\n  keys at ${provider.jwksUri}, fetched at NOW\n  key k1: ec\n` +
        'The keys that a server uses are at most 10 minutes old, or 60 while the issuer does not answer.\n',
    );
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
    const before = Math.floor(Date.now() / 1000);
    const [issuer] = (JSON.parse((await check('acme corp -o json')).stdout) as { issuers: [Record<string, unknown>] })
      .issuers;
    expect(issuer).toMatchObject({ server_max_age_seconds: 600, server_max_age_without_answer_seconds: 3600 });
    expect(Date.parse(String(issuer['fetched_at'])) / 1000).toBeGreaterThanOrEqual(before);
  });

  it('reports what is wrong with them', async () => {
    provider.onDiscovery = (_request, response) => {
      sendJson(response, { issuer: 'https://idp.example.com' });
    };
    const { code, stdout, stderr } = await check('acme');
    expect(code).toBe(1);
    expect(stdout).toContain('  refused: discovery: it names another issuer');
    expect(stderr).toContain('No usable keys of corp');
  });

  it('fails with the reason of each key if none can be used, and passes with one that can', async () => {
    const weak = providerKey('weak', 'RS256', { bits: 1_024, exponent: 65_537 });
    provider.keys = [
      weak.jwk,
      { ...providerKey('enc', 'RS256').jwk, use: 'enc' },
      { ...providerKey('svid').jwk, use: 'jwt-svid' },
      providerKey('other', 'ES384').jwk,
      { ...KEY.jwk, kid: undefined, y: KEY.jwk.x },
    ];
    const none = await check('acme corp');
    expect(none.code).toBe(1);
    expect(none.stdout.split('\n').slice(2, -2)).toEqual([
      '  skipped weak: RSA under 2048 bits',
      '  skipped enc: use is not sig',
      '  skipped svid: use is jwt-svid: write "key_use: jwt-svid" for this issuer if it is a SPIFFE bundle',
      '  skipped (without kid): key material is not a key',
      '  skipped other: it fits none of the algorithms of this issuer, ES256',
    ]);
    expect(none.stderr).toContain('No usable keys of corp');
    const json = await check('acme corp -o json');
    expect(json.code).toBe(1);
    const { issuers } = JSON.parse(json.stdout) as { issuers: [Record<string, unknown[]>] };
    expect(issuers[0]).toMatchObject({ keys: [], skipped_keys: { length: 5 } });
    expect(issuers[0]['skipped']).toEqual([
      'RSA under 2048 bits',
      'key material is not a key',
      'it fits none of the algorithms of this issuer, ES256',
    ]);
    provider.keys = [weak.jwk, KEY.jwk];
    const one = await check('acme corp');
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one.stdout).toContain('  key k1: ec\n  skipped weak: RSA under 2048 bits\n');
  });

  it.each([
    ['an empty key set', []],
    ['only keys for other purposes', [{ ...KEY.jwk, use: 'enc' }]],
  ])('fails for %s', async (_name, keys) => {
    provider.keys = keys;
    expect(await check('acme corp')).toMatchObject({ code: 1, stderr: expect.stringContaining('No usable keys') });
  });

  it('prints no control characters of a key set', async () => {
    provider.keys = [{ ...KEY.jwk, kid: '\u001b[2J\nkey evil' }];
    const { stdout } = await check('acme corp');
    expect(stdout).not.toContain('\u001b');
    expect(stdout.split('\n')).toHaveLength(5);
  });

  it('shows step by step what an exchange would do, and changes nothing', async () => {
    const before = await installation.fingerprint();
    const shown = token();
    const runs = [
      await check('acme corp --token - -o json', `${shown}\n`),
      await check('acme corp --token - -o json', shown),
    ];
    // Twice, because nothing is used up.
    for (const { code, stdout } of runs) {
      expect(code).toBe(0);
      const { hops, claims } = JSON.parse(stdout) as Explained;
      expect(hops.map(({ hop }) => hop)).toEqual(
        'client form trust key signature kind audience times conditions subject admission claims'.split(' '),
      );
      expect(new Set(hops.map(({ outcome }) => outcome))).toEqual(new Set(['passed']));
      expect(claims).toMatchObject({ sub: 'u-grace', scope: 'orders:read', idp: provider.issuer, exp: now + 300 });
      expect(stdout).not.toContain(shown);
    }
    expect(await installation.fingerprint()).toEqual(before);
  });

  it('never repeats a token that was given on the command line', async () => {
    const { code, stdout, stderr } = await check('acme corp --token eyJhbGciOi.MARKED.c2ln');
    expect(code).toBe(2);
    expect(stderr).toContain('write --token - and give the token on standard input');
    expect(stdout + stderr).not.toContain('MARKED');
  });

  it('reports the step at which a token fails, and why', async () => {
    const { code, stdout, stderr } = await check('acme corp --token -', token({ aud: 'account' }));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^signature +passed$/m);
    expect(stdout).toMatch(/^audience +refused +the subject token is refused: it is for another audience$/m);
    expect(stdout).toMatch(/^times +not reached$/m);
    expect(stderr).toContain('There would be no token: the subject token is refused: it is for another audience.');
  });

  describe('names the conditions that a token does not meet', () => {
    const asWanted = (conditions: string) =>
      installation.applied(tenantsWithTrusts(trustOf('corp', provider.issuer, { conditions })));

    it.each<[string, Record<string, unknown>, string]>([
      [
        'project_id: 4711',
        { project_id: '4711' },
        'project_id: wants the number 4711, the token has the text "4711": write the value in quotes',
      ],
      [
        'project_id: "4711"',
        { project_id: 4711 },
        'project_id: wants the text "4711", the token has the number 4711: write the value without quotes',
      ],
      ['mfa: true', { mfa: 'true' }, 'mfa: wants true, the token has the text "true": write the value in quotes'],
      ['hd: [a, b]', { hd: 'c' }, 'hd: wants the text "a" or the text "b", the token has the text "c"'],
      ['hd: a', { hd: undefined }, 'hd: wants the text "a", the token has no such claim'],
      ['hd: a', { hd: null }, 'hd: wants the text "a", the token has null: no condition is met by null'],
      [
        'levels: ["1"]',
        { levels: [1, 2] },
        'levels: wants the text "1", the token has a list with the number 1, the number 2: write the value without quotes',
      ],
      [
        'groups: g0',
        { groups: [1, 2, 3, 4, 5, 6, 7].map((n) => `g${n}`) },
        'groups: wants the text "g0", the token has a list with the text "g1", the text "g2", the text "g3", the text "g4", the text "g5" and 2 more',
      ],
      [
        'realm_access.roles: admin',
        { realm_access: { roles: ['admin'] } },
        'realm_access.roles: wants the text "admin", the token has no such claim',
      ],
      [
        'realm_access: admin',
        { realm_access: { roles: ['admin'] } },
        'realm_access: wants the text "admin", the token has a map with the keys "roles": write { has_key: ... }, or a path to what is in the map',
      ],
      [
        'scp: { contains: orders.read }',
        { scp: ['orders.read'] },
        'scp: wants a text with the word "orders.read", the token has a list with the text "orders.read": write the value that must be in the list',
      ],
      [
        'roles: { has_key: admin }',
        { roles: 'admin' },
        'roles: wants a map with the key "admin", the token has the text "admin": write { contains: ... } for a word in a text',
      ],
      [
        'upn: [a, "x@acme.example"]',
        { upn: 'grace@acme.example\u001b[2J' },
        'upn: wants the text "a" or the text (with an "@", not shown), the token has the text (with an "@", not shown)',
      ],
      ['hd: a', { hd: '\u001b[2J\u202e' }, 'hd: wants the text "a", the token has the text "\\u001b[2J\\u202e"'],
    ])('{ %s }', async (conditions, claims, line) => {
      await asWanted(`{ ${conditions} }`);
      const { code, stdout } = await check('acme corp --token -', token(claims));
      expect(code).toBe(1);
      expect(stdout).toMatch(/^conditions +refused +the subject token is refused: it does not meet the condition on /m);
      expect(stdout.split('\n')).toContain(line);
    });

    it('in JSON too, and all of them', async () => {
      await asWanted('{ hd: acme.example, level: 1, mfa: true }');
      const { stdout } = await check('acme corp --token - -o json', token({ level: '1', mfa: false }));
      expect((JSON.parse(stdout) as { unmet_conditions: unknown }).unmet_conditions).toEqual([
        { claim: 'level', wants: 'the number 1', has: 'the text "1"', mend: 'write the value in quotes' },
        { claim: 'mfa', wants: 'true', has: 'false', mend: null },
      ]);
    });

    it('only when the conditions refuse it', async () => {
      await asWanted('{ hd: a }');
      const { stdout } = await check('acme corp --token - -o json', token({ aud: 'account' }));
      expect(JSON.parse(stdout)).toMatchObject({ unmet_conditions: [] });
    });
  });

  it.each([
    ['nobody of the directory', { email: 'nobody@acme.example' }, 'admission', 'unknown subject'],
    ['somebody who is disabled', { email: 'bob@acme.example' }, 'admission', 'the subject is disabled'],
  ])('says so for %s', async (_name, claims, hop, reason) => {
    const { stdout } = await check('acme corp --token - -o json', token(claims));
    expect((JSON.parse(stdout) as Explained).hops).toContainEqual({ hop, outcome: 'refused', reason });
  });

  it('looks administrators up on the admin surface', async () => {
    const { stdout } = await check('acme corp --token - --surface admin -o json', token());
    expect((JSON.parse(stdout) as Explained).claims).toMatchObject({ sub: 'a-grace', surface: 'admin' });
  });

  it('tries another client', async () => {
    const { stdout } = await check('acme corp --token - --client shop/other -o json', token());
    expect((JSON.parse(stdout) as Explained).hops).toContainEqual({
      hop: 'trust',
      outcome: 'refused',
      reason: 'the subject token is refused: its issuer is not trusted for this client',
    });
  });

  it.each(['acme corp --token eyJ.a.b', 'acme corp --token - --client web', 'acme corp --surface all'])(
    '%s is wrong use',
    async (line) => {
      expect((await check(line)).code).toBe(2);
    },
  );

  it('of an unknown issuer lists the existing ones', async () => {
    expect(await check('acme home')).toMatchObject({ code: 1, stderr: expect.stringContaining('use one of corp') });
  });
});
