import { createHmac } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { Answer } from '../../support/requests/answer.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import {
  base64url,
  providerKey,
  signSubjectTokenText,
  writeSubjectToken,
} from '../../../src/testing/provider-tokens.ts';
import type { HostileProvider } from '../../../src/testing/hostile-provider.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** What makes a subject token of an identity provider invalid: its form, its issuer and audience, its subject, a replay, its times. */
let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
});
afterAll(() => service.close());

const now = () => Math.floor(service.tessera.clock.nowMs() / 1000);
const REFUSED = 'the subject token is refused: ';
const NOT_CONFIRMED = 'the key does not confirm its signature';
const saysOf = (answer: Answer) => {
  expect(answer.status).toBe(200);
  return decodeJwt(answer.body['access_token'] as string);
};

describe.each(['user', 'admin'] as const)('at /auth/%s/oidcToken', (surface) => {
  it('a valid bearer with a valid subject token gives a token for its subject', async () => {
    const answer = await service.exchange({ surface });
    expect(answer.body).toEqual({ access_token: expect.any(String), expires_in: 300, token_type: 'Bearer' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const claims = saysOf(answer);
    expect(claims).toMatchObject({
      iss: `${service.tessera.url}/tenants/acme`,
      aud: 'shop-api',
      client_id: 'web',
      tenant_id: 'acme',
      project_id: 'shop',
      email_id: 'grace@acme.example',
      surface,
      idp: service.provider.issuer,
      act: { client_id: 'web', sub: surface === 'user' ? 'u-ada' : 'a-root' },
      ...(surface === 'user'
        ? { sub: 'u-grace', roles: ['reader'], scope: 'orders:read', resources: ['orders'] }
        : { sub: 'a-grace', roles: ['auditor'], scope: 'audit:read', resources: [] }),
    });
    expect(service.tessera.auditRow(answer.requestId)).toMatchObject({
      outcome: 'issued',
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      subject_id: claims.sub,
      token_id: claims.jti,
      secret_id: null,
    });
  });

  it('and is accepted at its own surface and at no other', async () => {
    const token = (await service.exchange({ surface })).body['access_token'] as string;
    const authorization = `Bearer ${token}`;
    expect((await service.tessera.get(`/auth/${surface}/profile`, { authorization })).status).toBe(200);
    const other = surface === 'user' ? 'admin' : 'user';
    expect((await service.tessera.get(`/auth/${other}/profile`, { authorization })).status).toBe(401);
  });
});

describe('the form of a subject token', () => {
  const parts = (token: string) => token.split('.') as [string, string, string];

  it.each<[string, () => string, string]>([
    [
      'alg none',
      () => `${base64url('{"alg":"none"}')}.${parts(service.subjectToken())[1]}.`,
      'its algorithm proves nothing about who signed',
    ],
    [
      'HS256 keyed with the public key',
      () => {
        const input = `${base64url('{"alg":"HS256","kid":"k1"}')}.${parts(service.subjectToken())[1]}`;
        const mac = createHmac('sha256', JSON.stringify(service.key.jwk)).update(input).digest('base64url');
        return `${input}.${mac}`;
      },
      'its algorithm proves nothing about who signed',
    ],
    [
      'an algorithm that the trust does not list',
      () => writeSubjectToken({ key: providerKey('k1', 'RS256'), claims: service.claims() }),
      'its issuer is not trusted with this algorithm',
    ],
    [
      'its own key in the header',
      () => {
        const own = providerKey('k1');
        return writeSubjectToken({ key: own, claims: service.claims(), header: { jwk: own.jwk } });
      },
      NOT_CONFIRMED,
    ],
    ...(['crit', 'b64', 'zip'] as const).map((member): [string, () => string, string] => [
      `${member} in the header`,
      () => writeSubjectToken({ key: service.key, claims: service.claims(), header: { [member]: ['x'] } }),
      'its header changes its meaning',
    ]),
    [
      'a kid that is a path',
      () => writeSubjectToken({ key: service.key, claims: service.claims(), header: { kid: 7 } }),
      'its kid is not a text',
    ],
    [
      'a duplicate name',
      () => {
        const payload = replaceOnce(JSON.stringify(service.claims()), '{', '{"email":"ada@acme.example",');
        return signSubjectTokenText(service.key, '{"alg":"ES256","kid":"k1"}', payload);
      },
      'it is malformed',
    ],
    ['padding', () => `${service.subjectToken()}=`, 'it is malformed'],
    ['a space after it', () => `${service.subjectToken()} `, 'it is malformed'],
    ['four parts', () => `${service.subjectToken()}.x`, 'it is malformed'],
    ['a thousand dots', () => '.'.repeat(1_000), 'it is malformed'],
    [
      'deep JSON',
      () => signSubjectTokenText(service.key, '{"alg":"ES256"}', `{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`),
      'it is malformed',
    ],
    ['an iat that is a string', () => service.subjectToken({ iat: String(now()) }), 'its iat is missing or not a time'],
    ['no exp', () => service.subjectToken({ exp: undefined }), 'its exp is missing or not a time'],
    ['an exp beyond all numbers', () => service.subjectToken({ exp: 1e300 }), 'its exp is missing or not a time'],
  ])('%s', async (_name, make, reason) => {
    // Keys are in memory, so any connection is a new fetch.
    await service.exchange();
    const oidcToken = make();
    // A signature that does not verify may be of a key that was replaced under its kid. One fetch for it is allowed.
    if (reason === NOT_CONFIRMED) service.expectAnswerRefused(await service.exchange({ oidcToken }), REFUSED + reason);
    await service.expectRefused({ oidcToken }, REFUSED + reason);
  });

  it('every signature with one bit changed', async () => {
    const good = service.subjectToken();
    const [header, payload, signature] = parts(good);
    for (const at of [0, 20, 63]) {
      const bytes = Buffer.from(signature, 'base64url');
      bytes[at]! ^= 1;
      const oidcToken = `${header}.${payload}.${bytes.toString('base64url')}`;
      await service.expectRefused({ oidcToken }, REFUSED + NOT_CONFIRMED);
    }
    expect((await service.exchange({ oidcToken: good })).status).toBe(200);
  });
});

describe('a token that is not for this tenant', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no aud', { aud: undefined }, 'its audience is missing or not a text'],
    ['another aud', { aud: 'account' }, 'it is for another audience'],
    [
      'two auds without azp',
      { aud: ['tessera-acme', 'x'] },
      'it is for several audiences and was asked for by another',
    ],
    ['an access token for another API', { aud: 'https://api.example', scope: 'read' }, 'it is for another audience'],
    ['a logout token', { events: {} }, 'it is a security event'],
    ['a token that came from an exchange', { act: { sub: 'x' } }, 'it came from an exchange itself'],
    ['a token that is bound to a key', { cnf: { jkt: 'x' } }, 'it is bound to a key'],
  ])('%s', async (_name, claims, reason) => {
    await service.expectRefused({ oidcToken: service.subjectToken(claims) }, REFUSED + reason);
  });

  it('two auds with an accepted azp are accepted', async () => {
    const oidcToken = service.subjectToken({ aud: ['tessera-acme', 'x'], azp: 'tessera-acme' });
    expect((await service.exchange({ oidcToken })).status).toBe(200);
  });

  it('Tessera’s own token, from a secret or from an exchange', async () => {
    await service.expectRefused({ oidcToken: await service.bearer() }, `${REFUSED}it is one of ours`);
    const exchanged = (await service.exchange()).body['access_token'];
    await service.expectRefused({ oidcToken: exchanged }, `${REFUSED}it is one of ours`);
    const theirs = await service.bearer({ tenant: 'globex' });
    await service.expectRefused({ oidcToken: theirs }, `${REFUSED}it is one of ours`);
  });

  it.each([
    ['an opaque string', 'ya29.a0AfH6SMBx'],
    ['a JWE', `${base64url('{"alg":"RSA-OAEP","enc":"A256GCM"}')}.AAAA.AAAA.AAAA.AAAA`],
    ['HTML', '<!doctype html><title>Sign in</title>'],
    ['60 kB', 'a'.repeat(60_000)],
  ])('%s', async (_name, oidcToken) => {
    await service.expectRefused({ oidcToken }, `${REFUSED}it is malformed`);
  });

  it('a signed token over 16 KiB', async () => {
    const oidcToken = service.subjectToken({ filler: 'x'.repeat(12_300) });
    expect(oidcToken.length).toBeGreaterThan(16_384);
    await service.expectRefused({ oidcToken }, `${REFUSED}it is malformed`);
  });

  it('100 kB are not even read', async () => {
    const answer = await service.exchange({ oidcToken: 'a'.repeat(100_000) });
    expect(answer.refusal()).toMatchObject({ status: 413, error: 'payload_too_large' });
  });
});

describe('a kind of token that is not a login token', () => {
  const named = (typ: unknown) => writeSubjectToken({ key: service.key, claims: service.claims(), header: { typ } });

  it.each(['logout+jwt', 'dpop+jwt', 'oauth-authz-req+jwt', 'token-introspection+jwt', 'secevent+jwt', 'JWE', 'JOSE'])(
    '%s',
    async (typ) => {
      await service.expectRefused(
        { oidcToken: named(typ) },
        `${REFUSED}its issuer is not trusted with tokens of this typ`,
      );
    },
  );

  it.each([1, {}, [], null, true, '', 'JWT; x=1', '*'])('%j', async (typ) => {
    await service.expectRefused({ oidcToken: named(typ) }, `${REFUSED}its typ is not a media type`);
  });

  it.each([undefined, 'JWT', 'jwt', 'application/jwt', 'at+jwt', 'Application/AT+JWT'])(
    'is not what %s names',
    async (typ) => {
      expect((await service.exchange({ oidcToken: named(typ) })).status).toBe(200);
    },
  );

  it('is accepted from an issuer that lists it, until it no longer does', async () => {
    const naming = await startExchangeService();
    const { tessera, provider, elsewhere } = naming;
    const trusts = (typ: string) =>
      tenantsWithTrusts(trustOf('corp', provider.issuer) + trustOf('other', elsewhere.issuer, { typ }));
    const ask = (typ: string, of: HostileProvider) =>
      naming.exchange({
        oidcToken: writeSubjectToken({ key: naming.key, claims: naming.claims({}, of), header: { typ } }),
      });
    await tessera.apply(trusts('[application/JOSE, Okta-Internal-at+jwt]'));
    for (const typ of ['JOSE', 'okta-internal-at+jwt', 'JWT']) expect((await ask(typ, elsewhere)).status).toBe(200);
    const refused = `${REFUSED}its issuer is not trusted with tokens of this typ`;
    naming.expectAnswerRefused(await ask('logout+jwt', elsewhere), refused);
    naming.expectAnswerRefused(await ask('JOSE', provider), refused);
    expect(await tessera.cli(['export'])).toContain('typ: [ jose, okta-internal-at+jwt ]');
    await tessera.apply(trusts('[]'));
    naming.expectAnswerRefused(await ask('JOSE', elsewhere), refused);
    await naming.close();
  });
});

describe('the subject of a token', () => {
  it.each([
    ['false', false],
    ['missing', undefined],
    ['"TRUE"', 'TRUE'],
    ['1', 1],
  ])('is not said by an address whose email_verified is %s', async (_name, email_verified) => {
    await service.expectRefused(
      { oidcToken: service.subjectToken({ email: 'ada@acme.example', email_verified }) },
      `${REFUSED}its e-mail address is not verified`,
    );
  });

  it('is not somebody outside the domains of the trusted issuer', async () => {
    await service.expectRefused(
      { oidcToken: service.subjectToken({ email: 'grace@evil.example' }) },
      `${REFUSED}its e-mail domain is not one of the trust`,
    );
  });

  it('is not an account that fails the condition', async () => {
    await service.expectRefused(
      { oidcToken: service.subjectToken({ hd: 'evil.example' }) },
      `${REFUSED}it does not meet the condition on "hd"`,
    );
  });

  it.each([
    ['nobody', 'nobody@acme.example', 'unknown subject'],
    ['somebody who is disabled', 'bob@acme.example', 'the subject is disabled'],
    ['an administrator on the user surface', 'root@acme.example', 'unknown subject'],
  ])('is not %s', async (_name, email, reason) => {
    await service.expectRefused({ oidcToken: service.subjectToken({ email }) }, reason);
  });

  it('the same sub at a second issuer is another person', async () => {
    const linked = await startExchangeService();
    const { provider, elsewhere, tessera } = linked;
    const linkedTrust = { subject: '{ match: linked }' };
    const file = replaceOnce(
      tenantsWithTrusts(
        trustOf('corp', provider.issuer, linkedTrust) + trustOf('other', elsewhere.issuer, linkedTrust),
      ),
      '{ id: u-grace, email: grace@acme.example, ',
      '{ id: u-grace, email: grace@acme.example, identities: [{ issuer: corp, sub: "248289761001" }], ',
    );
    await tessera.apply(file);
    const found = await linked.exchange({ oidcToken: linked.subjectToken({ email_verified: false }) });
    expect(saysOf(found)).toMatchObject({ sub: 'u-grace', idp: provider.issuer });
    const stranger = await linked.exchange({ oidcToken: linked.subjectToken({}, elsewhere) });
    linked.expectAnswerRefused(stranger, 'unknown subject');
    // Only an address has a digest: this token's address named nobody, its issuer and `sub` did.
    expect(tessera.auditRow(stranger.requestId)).toMatchObject({ subject_id: null, subject_digest: null });
    await linked.close();
  });
});

describe('an issuer that is not trusted here is never contacted', () => {
  it.each<[string, (own: string) => string]>([
    ['with a slash', (own) => `${own}/`],
    ['in another case', (own) => replaceOnce(own, 'http', 'HTTP')],
    ['at another port', (own) => replaceOnce(own, /\d+$/, '1')],
    ['by another name', (own) => replaceOnce(own, '127.0.0.1', 'localhost')],
    ['trusted by another tenant only', () => service.elsewhere.issuer],
    ['of nobody', () => 'https://idp.example.com'],
  ])('%s', async (_name, other) => {
    const oidcToken = service.subjectToken({ iss: other(service.provider.issuer) });
    await service.expectRefused({ oidcToken }, `${REFUSED}this tenant does not trust its issuer`);
    expect(service.elsewhere.connections()).toBe(0);
  });

  it('trusted for another client', async () => {
    await service.expectRefused(
      { bearer: await service.bearer({ client: 'other' }) },
      `${REFUSED}its issuer is not trusted for this client`,
    );
  });

  it('trusted for another surface', async () => {
    const { tessera, provider, elsewhere } = service;
    const usersOnly = trustOf('users-only', elsewhere.issuer, { surfaces: '[user]' });
    await tessera.apply(tenantsWithTrusts(trustOf('corp', provider.issuer) + usersOnly));
    const oidcToken = service.subjectToken({}, elsewhere);
    await service.expectRefused(
      { surface: 'admin', oidcToken },
      `${REFUSED}its issuer is not trusted for this surface`,
    );
    expect((await service.exchange({ oidcToken })).status).toBe(200);
  });
});

describe('a token is redeemed once', () => {
  const used = `${REFUSED}it was used before`;

  it('one after the other: the second is refused, on the other surface too', async () => {
    const oidcToken = service.subjectToken();
    expect((await service.exchange({ oidcToken })).status).toBe(200);
    await service.expectRefused({ oidcToken }, used);
    await service.expectRefused({ oidcToken, surface: 'admin' }, used);
  });

  it('ten at once: one token, and one record of it', async () => {
    const bearer = await service.bearer();
    const oidcToken = service.subjectToken();
    const answers = await Promise.all(Array.from({ length: 10 }, () => service.exchange({ bearer, oidcToken })));
    const [won, lost] = [
      answers.filter(({ status }) => status === 200),
      answers.filter(({ status }) => status !== 200),
    ];
    expect(won).toHaveLength(1);
    for (const answer of lost) service.expectAnswerRefused(answer, used);
  });

  it('without a jti it is identified by its content, also with the other spelling of its signature', async () => {
    const oidcToken = service.subjectToken({ jti: undefined });
    expect((await service.exchange({ oidcToken })).status).toBe(200);
    await service.expectRefused({ oidcToken }, used);
    await service.expectRefused({ oidcToken: otherSpelling(oidcToken) }, used);
    expect((await service.exchange({ oidcToken: service.subjectToken({ jti: undefined, nonce: 'x' }) })).status).toBe(
      200,
    );
  });

  it('signed again with the same jti it is the same token', async () => {
    const jti = 'once';
    expect((await service.exchange({ oidcToken: service.subjectToken({ jti }) })).status).toBe(200);
    await service.expectRefused({ oidcToken: service.subjectToken({ jti, nonce: 'x' }) }, used);
  });

  it('a refused token is not used up', async () => {
    const oidcToken = service.subjectToken();
    await service.expectRefused({ oidcToken, bearer: await service.bearer({ client: 'other' }) }, /not trusted/);
    expect((await service.exchange({ oidcToken })).status).toBe(200);
  });
});

describe('the times of a token', () => {
  it.each<[string, (at: number) => Record<string, unknown>, string]>([
    ['older than the trust allows', (at) => ({ iat: at - 631 }), 'it is older than the trust allows'],
    ['from the future', (at) => ({ iat: at + 31 }), 'it was issued in the future'],
    ['too long-lived', (at) => ({ iat: at, exp: at + 3_601 }), 'its life is longer than the trust allows'],
    ['at its expiry', (at) => ({ exp: at }), 'it has expired'],
    ['before its nbf', (at) => ({ nbf: at + 31 }), 'it is not valid yet'],
  ])('%s', async (_name, times, reason) => {
    await service.expectRefused({ oidcToken: service.subjectToken(times(now())) }, REFUSED + reason);
  });

  it('the issued token never outlives it', async () => {
    const exp = now() + 42;
    const answer = await service.exchange({ oidcToken: service.subjectToken({ exp: exp + 0.9 }) });
    expect(saysOf(answer).exp).toBe(exp);
    expect(answer.body['expires_in']).toBe(42);
    const long = saysOf(await service.exchange({ oidcToken: service.subjectToken({ exp: now() + 3_500 }) }));
    expect(long.exp).toBe(now() + 900);
  });
});

/** (r, s) and (r, n − s) are signatures of the same text. */
function otherSpelling(token: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const bytes = Buffer.from(signature, 'base64url');
  const s = (order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0');
  return `${header}.${payload}.${Buffer.concat([bytes.subarray(0, 32), Buffer.from(s, 'hex')]).toString('base64url')}`;
}
