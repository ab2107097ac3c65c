import type { TesseraClaims } from '@tessera/token';
import { type Attempt, type ExchangeFixture, openExchangeFixture } from '../../../testing/exchange-fixture.ts';
import { providerKey, writeSubjectToken } from '../../../testing/provider-tokens.ts';
import { type HostileProvider, startHostileProvider } from '../../../testing/hostile-provider.ts';
import { claimsFor, PUBLIC_URL } from '../../../testing/issuing-fixture.ts';
import { refusalOf } from '../../../testing/refusal.ts';
import { tenantDraft } from '../../../testing/storage.ts';
import type { AuthenticatedClientFacts } from '../../authorize.ts';
import type { Client, Condition, Project, Tenant, Trust } from '../../../tenancy/tenant.ts';
import { parseClientId } from '../../../domain/ids.ts';
import { replaceOnce } from '../../../../libs/token/test/replace-once.ts';

const KEY = providerKey('k1');
const RSA = providerKey('k2', 'RS256');
const VERIFIED_IN_TEXT =
  'its email_verified is the text "true", not the boolean: the trust does not say email_verified: text_allowed';

let provider: HostileProvider;
let fixture: ExchangeFixture;

beforeAll(async () => {
  fixture = await openExchangeFixture();
});
afterAll(() => fixture.close());

beforeEach(async () => {
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk, RSA.jwk];
  fixture.reset([provider.hostPort]);
  await trust({});
});
afterEach(() => provider.close());

/** acme's one trust, differing in some points from the one that lets the good token through. */
const trust = (changes: Partial<Trust>, tenant: Partial<Tenant> = {}) =>
  fixture.trust({ issuer: provider.issuer, audiences: ['tessera-acme', 'tessera-acme-cli'], ...changes }, tenant);

const now = () => fixture.clock.seconds;
const bearer = (changes: Partial<TesseraClaims> = {}, tenantId = 'acme') => fixture.bearer(changes, tenantId);

function goodClaims(): Record<string, unknown> {
  return {
    iss: provider.issuer,
    sub: '248289761001',
    aud: 'tessera-acme',
    iat: now() - 10,
    exp: now() + 300,
    jti: 'j-1',
    email: 'Grace@ACME.example',
    email_verified: true,
    hd: 'acme.example',
  };
}
const subjectToken = (changes: Record<string, unknown> = {}, key = KEY, header = {}): string =>
  writeSubjectToken({ key, claims: { ...goodClaims(), ...changes }, header });

const authenticate = ({
  oidcToken = subjectToken(),
  ...attempt
}: Partial<Attempt> = {}): Promise<AuthenticatedClientFacts> => fixture.authenticate({ oidcToken, ...attempt });

async function expectRefused(attempt: Partial<Attempt>, reason: string): Promise<void> {
  const error = await refusalOf(authenticate(attempt));
  expect([error.code, error.reason]).toEqual(['unauthorized', reason]);
}
const expectSubjectTokenRefused = (attempt: Partial<Attempt>, reason: string) =>
  expectRefused(attempt, `the subject token is refused: ${reason}`);
const expectClaimsRefused = (changes: Record<string, unknown>, reason: string) =>
  expectSubjectTokenRefused({ oidcToken: subjectToken(changes) }, reason);

describe('a valid bearer with a valid token of a trusted issuer', () => {
  it('authenticates the client and says for whom it asks', async () => {
    const facts = await authenticate();
    expect(facts.client).toMatchObject({ id: 'web', projectId: 'shop' });
    expect(facts.subject).toEqual({ by: 'email', email: 'grace@acme.example' });
    expect(facts.notAfter).toBe(now() + 300);
    expect(facts.exchange).toEqual({
      actor: { client_id: 'web', sub: 'u-ada' },
      identityProvider: provider.issuer,
      rootTokenId: undefined,
    });
    expect(facts.once).toMatchObject({ issuer: provider.issuer, until: now() + 330 });
    expect(fixture.client).toMatchObject({ projectId: 'shop', id: 'web' });
  });

  it('can be redeemed once: the same token twice has one name, another token another', async () => {
    const oidcToken = subjectToken();
    const [first, again, other] = [
      await authenticate({ oidcToken }),
      await authenticate({ oidcToken }),
      await authenticate({ oidcToken: subjectToken({ jti: 'j-2' }) }),
    ];
    expect(again.once).toEqual(first.once);
    expect(other.once?.tokenId).not.toBe(first.once?.tokenId);
  });

  it('accepts a linked identity by issuer and sub, e-mail or not', async () => {
    await trust({ subject: { match: 'linked' } });
    const { subject } = await authenticate({ oidcToken: subjectToken({ email_verified: false }) });
    expect(subject).toEqual({ by: 'identity', issuer: provider.issuer, sub: '248289761001' });
  });

  it('fetches the issuer’s keys once, and not again while they are cached', async () => {
    await authenticate();
    await authenticate({ oidcToken: subjectToken({ jti: 'j-2' }) });
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('takes the keys from where the trust says', async () => {
    await trust({ jwksUri: provider.jwksUri });
    await authenticate();
    expect(provider.requests).toEqual(['/keys']);
  });

  it('authenticates on the admin surface where the trust allows that', async () => {
    await trust({ surfaces: ['admin'] });
    const facts = await authenticate({ surface: 'admin', bearer: await bearer({ surface: 'admin' }) });
    expect(facts.subject).toEqual({ by: 'email', email: 'grace@acme.example' });
  });
});

describe('a trust with a fixed subject', () => {
  const subject = { match: 'user', id: 'u-deploy' } as const;

  it('gives every token that it accepts that subject', async () => {
    await trust({ subject });
    expect((await authenticate()).subject).toEqual({ by: 'id', id: 'u-deploy' });
  });

  it.each<[string, Partial<Trust>, string]>([
    ['no conditions', { conditions: 'none' }, 'a fixed subject without conditions that choose its tokens'],
    [
      'a condition on iss',
      { conditions: new Map([['iss', ['$iss']]]) },
      'a fixed subject without conditions that choose',
    ],
    ['a condition on aud', { conditions: new Map([['aud', ['tessera-acme']]]) }, 'a fixed subject without conditions'],
    ['both surfaces', { surfaces: ['user', 'admin'] }, 'a fixed subject for more than one surface'],
  ])('gives none where the store holds %s, which no file can say', async (_, changes, reason) => {
    const conditions =
      changes.conditions instanceof Map && changes.conditions.has('iss')
        ? { conditions: new Map([['iss', [provider.issuer]]]) }
        : {};
    await trust({ subject, ...changes, ...conditions });
    const error = await refusalOf(authenticate());
    expect(error.code).toBe('unauthorized');
    expect(error.reason).toContain(`the subject token is refused: the trust has ${reason}`);
  });
});

describe('a bearer', () => {
  it.each<[string, Partial<TesseraClaims>, string]>([
    ['of the other surface', { surface: 'admin' }, 'bearer: surface: not accepted here'],
    ['with act', { act: { sub: 'u-bob', client_id: 'web' } }, 'bearer: it came from an exchange'],
    ['with idp', { idp: 'https://idp.example.com' }, 'bearer: it came from an exchange'],
    ['of an unknown client', { client_id: 'gone' }, 'bearer: its client is no more'],
    ['of an unknown project', { project_id: 'gone' }, 'bearer: its client is no more'],
    ['of a client that is no id', { client_id: '../web' }, 'bearer: its client is no more'],
    ['of a subject that is no more', { email_id: 'bob@acme.example' }, 'bearer: its subject is no more'],
    ['of a subject whose address another has now', { sub: 'u-bob' }, 'bearer: its subject is no more'],
    ['of a subject without an address', { email_id: 'ada' }, 'bearer: its subject is no more'],
  ])('%s is refused, and no issuer is asked', async (_, changes, reason) => {
    await expectRefused({ bearer: await bearer(changes) }, reason);
    expect(provider.connections()).toBe(0);
  });

  it('that is not ours is refused', async () => {
    const claims = { ...claimsFor(await fixture.open('acme'), now()) };
    const forged = writeSubjectToken({ key: KEY, claims, header: { typ: 'at+jwt' } });
    await expectRefused({ bearer: forged }, 'bearer: the tenant has no such key that signs');
    await expectRefused({ bearer: subjectToken() }, 'bearer: typ is not at+jwt');
    expect(provider.connections()).toBe(0);
  });

  it('that has expired is refused', async () => {
    const token = await bearer({ exp: now() + 60 });
    fixture.clock.advance(91_000);
    await expectRefused({ bearer: token }, 'bearer: exp has passed');
  });

  it('of another tenant is refused', async () => {
    await expectRefused({ bearer: await bearer({}, 'globex') }, 'bearer: of another tenant');
  });

  it('whose subject was disabled since is refused', async () => {
    const token = await bearer();
    fixture.users.add('u-ada', 'ada@acme.example', 'disabled');
    await expectRefused({ bearer: token }, 'bearer: its subject is disabled');
    expect(provider.connections()).toBe(0);
  });

  it.each<[string, (project: Project) => Partial<Tenant>, string]>([
    ['tenant', () => ({ status: 'suspended' }), 'the tenant is suspended'],
    [
      'project',
      (project) => ({ projects: new Map([[project.id, { ...project, status: 'disabled' }]]) }),
      'the project is disabled',
    ],
    [
      'client',
      (project) => {
        const clients = new Map<Client['id'], Client>();
        for (const client of project.clients.values()) clients.set(client.id, { ...client, status: 'disabled' });
        return { projects: new Map([[project.id, { ...project, clients }]]) };
      },
      'the client is disabled',
    ],
  ])('whose %s was stopped since is refused', async (_, change, reason) => {
    const token = await bearer();
    const [project] = tenantDraft('acme').tenant.projects.values();
    await trust({}, change(project!));
    await expectRefused({ bearer: token }, reason);
    expect(provider.connections()).toBe(0);
  });

  it('is verified first: without a valid one nothing is revealed about the other token', async () => {
    await expectRefused({ bearer: 'x', oidcToken: 'y' }, 'bearer: not three parts');
  });
});

describe('the issuer of a subject token', () => {
  it.each([
    ['with a slash', (own: string) => `${own}/`],
    ['in another case', (own: string) => replaceOnce(own, 'http', 'HTTP')],
    ['at another port', (own: string) => replaceOnce(own, /\d+$/, '1')],
    ['by another name', (own: string) => replaceOnce(own, '127.0.0.1', 'localhost')],
    ['of somebody else', () => 'https://idp.example.com'],
  ])('%s is not trusted, and is not asked', async (_, other) => {
    await expectClaimsRefused({ iss: other(provider.issuer) }, 'this tenant does not trust its issuer');
    expect(provider.connections()).toBe(0);
  });

  it('that another tenant trusts is not trusted here, and is not asked', async () => {
    const attempt = { tenant: 'globex', bearer: await bearer({}, 'globex') };
    await expectSubjectTokenRefused(attempt, 'this tenant does not trust its issuer');
    expect(provider.connections()).toBe(0);
  });

  it.each<[string, Partial<Trust>, string]>([
    ['another client', { clients: [parseClientId('cli')!] }, 'its issuer is not trusted for this client'],
    ['no client', { clients: [] }, 'its issuer is not trusted for this client'],
    ['another surface', { surfaces: ['admin'] }, 'its issuer is not trusted for this surface'],
    ['another algorithm', { algorithms: ['RS256', 'PS256'] }, 'its issuer is not trusted with this algorithm'],
  ])('that is trusted for %s is not asked', async (_, changes, reason) => {
    await trust(changes);
    await expectSubjectTokenRefused({}, reason);
    expect(provider.connections()).toBe(0);
  });

  it('is never Tessera itself, trusted or not', async () => {
    await expectSubjectTokenRefused({ oidcToken: await bearer() }, 'it is one of ours');
    await expectSubjectTokenRefused({ oidcToken: await bearer({ act: { sub: 'x' }, idp: 'y' }) }, 'it is one of ours');
    await trust({ issuer: `${PUBLIC_URL}/tenants/globex` });
    await expectSubjectTokenRefused({ oidcToken: await bearer({}, 'globex') }, 'it is one of ours');
  });

  it('that is down is 503, and not before everything that needs no keys was checked', async () => {
    await provider.stop();
    const error = await refusalOf(authenticate());
    expect([error.code, error.reason]).toEqual([
      'temporarily_unavailable',
      'identity provider: discovery: it refuses the connection',
    ]);
  });
});

describe('the type of a subject token', () => {
  const named = (typ: unknown) => subjectToken({}, KEY, { typ });

  it.each([undefined, 'JWT', 'at+jwt', 'application/AT+JWT'])('may be %s', async (typ) => {
    await expect(authenticate({ oidcToken: named(typ) })).resolves.toBeDefined();
  });

  it.each(['logout+jwt', 'dpop+jwt', 'oauth-authz-req+jwt', 'token-introspection+jwt', 'secevent+jwt', 'JWE'])(
    '%s is refused, and the issuer is not asked',
    async (typ) => {
      await expectSubjectTokenRefused({ oidcToken: named(typ) }, 'its issuer is not trusted with tokens of this typ');
      expect(provider.connections()).toBe(0);
    },
  );

  it('may be what its issuer is trusted with', async () => {
    await trust({ types: ['jose'] });
    await expect(authenticate({ oidcToken: named('JOSE') })).resolves.toBeDefined();
    await expectSubjectTokenRefused(
      { oidcToken: named('logout+jwt') },
      'its issuer is not trusted with tokens of this typ',
    );
  });
});

describe('the signature of a subject token', () => {
  it.each<[string, () => string]>([
    ['by another key of the same kid', () => subjectToken({}, { ...providerKey('k1') })],
    ['that was cut off', () => replaceOnce(subjectToken(), /[^.]+$/, '')],
    [
      'of another token',
      () => `${replaceOnce(subjectToken(), /[^.]+$/, '')}${subjectToken({ jti: 'j-2' }).split('.')[2]!}`,
    ],
    [
      'by a key that the header brings along',
      () => {
        const own = providerKey('k1');
        return subjectToken({}, own, { jwk: own.jwk });
      },
    ],
  ])('%s is refused', async (_, oidcToken) => {
    await expectSubjectTokenRefused({ oidcToken: oidcToken() }, 'the key does not confirm its signature');
  });

  it('is asked of a key of the token’s algorithm alone', async () => {
    await trust({ algorithms: ['ES256', 'RS256'] });
    await authenticate({ oidcToken: subjectToken({}, RSA) });
    await expectRefused(
      { oidcToken: subjectToken({}, KEY, { kid: 'k2' }) },
      'the issuer has no usable key of this kid and algorithm',
    );
  });

  it('is verified before the claims', async () => {
    const oidcToken = subjectToken({ aud: 'other', exp: 0 }, providerKey('k1'));
    await expectSubjectTokenRefused({ oidcToken }, 'the key does not confirm its signature');
  });

  it('is not asked of what a header points to', async () => {
    const header = { jku: `${provider.issuer}/jku`, x5u: `${provider.issuer}/x5u` };
    await authenticate({ oidcToken: subjectToken({}, KEY, header) });
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });
});

describe('the audience of a subject token', () => {
  it.each<[string, Record<string, unknown>]>([
    ['one of ours', { aud: 'tessera-acme-cli' }],
    ['one of ours in a list', { aud: ['tessera-acme'] }],
    ['one of ours, asked for by another', { aud: 'tessera-acme', azp: 'android' }],
    ['several, asked for by us', { aud: ['tessera-acme', 'account'], azp: 'tessera-acme' }],
    ['several, asked for by another of ours', { aud: ['account', 'tessera-acme'], azp: 'tessera-acme-cli' }],
    ['several of ours, asked for by nobody named', { aud: ['tessera-acme', 'tessera-acme-cli'] }],
    ['several of ours, asked for by another', { aud: ['tessera-acme', 'tessera-acme-cli'], azp: 'android' }],
    ['ours twice', { aud: ['tessera-acme', 'tessera-acme'] }],
  ])('may be %s', async (_, claims) => {
    await expect(authenticate({ oidcToken: subjectToken(claims) })).resolves.toBeDefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['missing', { aud: undefined }, 'its audience is missing or not a text'],
    ['empty', { aud: '' }, 'its audience is missing or not a text'],
    ['an empty list', { aud: [] }, 'it is for another audience'],
    ['null', { aud: null }, 'its audience is missing or not a text'],
    ['an object', { aud: { 'tessera-acme': 1 } }, 'its audience is missing or not a text'],
    [
      'a list with a number',
      { aud: ['tessera-acme', 1], azp: 'tessera-acme' },
      'its audience is missing or not a text',
    ],
    ['a list in a list', { aud: [['tessera-acme']] }, 'its audience is missing or not a text'],
    ['another', { aud: 'account' }, 'it is for another audience'],
    ['ours in another case', { aud: 'Tessera-acme' }, 'it is for another audience'],
    [
      'two without azp',
      { aud: ['tessera-acme', 'account'] },
      'it is for several audiences and was asked for by another',
    ],
    [
      'two of ours and one of another, without azp',
      { aud: ['tessera-acme', 'tessera-acme-cli', 'account'] },
      'it is for several audiences and was asked for by another',
    ],
    [
      'two with an empty azp',
      { aud: ['tessera-acme', 'account'], azp: '' },
      'it is for several audiences and was asked for by another',
    ],
    [
      'two with the azp of another',
      { aud: ['tessera-acme', 'account'], azp: 'account' },
      'it is for several audiences and was asked for by another',
    ],
    [
      'two with a list as azp',
      { aud: ['tessera-acme', 'account'], azp: ['tessera-acme'] },
      'it is for several audiences and was asked for by another',
    ],
    ['two others with our azp', { aud: ['a', 'b'], azp: 'tessera-acme' }, 'it is for another audience'],
  ])('must not be %s', (_, claims, reason) => expectClaimsRefused(claims, reason));
});

describe('the times of a subject token', () => {
  it.each<[string, (now: number) => Record<string, unknown>]>([
    ['a last second of life', (at) => ({ exp: at + 1 })],
    ['an iat 30 s ahead', (at) => ({ iat: at + 30 })],
    ['an nbf 30 s ahead', (at) => ({ nbf: at + 30 })],
    ['the greatest age and skew', (at) => ({ iat: at - 630 })],
    ['the longest life', (at) => ({ iat: at, exp: at + 3_600 })],
    ['fractions of a second', (at) => ({ iat: at - 0.5, exp: at + 60.9 })],
  ])('may have %s', async (_, times) => {
    const { notAfter } = await authenticate({ oidcToken: subjectToken(times(now())) });
    expect(Number.isInteger(notAfter)).toBe(true);
  });

  it.each<[string, (now: number) => Record<string, unknown>, string]>([
    ['no exp', () => ({ exp: undefined }), 'its exp is missing or not a time'],
    ['an exp that is a text', (at) => ({ exp: String(at + 60) }), 'its exp is missing or not a time'],
    ['an exp beyond all numbers', () => ({ exp: 1e300 }), 'its exp is missing or not a time'],
    ['no iat', () => ({ iat: undefined }), 'its iat is missing or not a time'],
    ['an iat that is null', () => ({ iat: null }), 'its iat is missing or not a time'],
    ['an nbf that is a text', () => ({ nbf: '0' }), 'its nbf is not a time'],
    ['its end now', (at) => ({ exp: at }), 'it has expired'],
    ['its end within this second', (at) => ({ exp: at + 0.9 }), 'it has expired'],
    ['an iat 31 s ahead', (at) => ({ iat: at + 31 }), 'it was issued in the future'],
    ['an nbf 31 s ahead', (at) => ({ nbf: at + 31 }), 'it is not valid yet'],
    ['a greater age than the trust allows', (at) => ({ iat: at - 631 }), 'it is older than the trust allows'],
    [
      'a longer life than the trust allows',
      (at) => ({ iat: at, exp: at + 3_601 }),
      'its life is longer than the trust allows',
    ],
    [
      'an end before its beginning',
      (at) => ({ iat: at + 20, exp: at + 10 }),
      'its life is longer than the trust allows',
    ],
  ])('must not have %s', (_, times, reason) => expectClaimsRefused(times(now()), reason));
});

describe('the conditions of a trusted issuer', () => {
  const conditions = (entries: Record<string, readonly (string | number | boolean)[]>) =>
    trust({ conditions: new Map(Object.entries(entries)) });

  it.each<[string, Record<string, readonly (string | number | boolean)[]>, Record<string, unknown>]>([
    ['one of several values', { ref: ['main', 'stable'] }, { ref: 'stable' }],
    ['a list that contains the value', { groups: ['token-users'] }, { groups: ['staff', 'token-users'] }],
    ['a number', { level: [2] }, { level: 2 }],
    ['a boolean', { mfa: [true] }, { mfa: true }],
    ['all of them', { hd: ['acme.example'], mfa: [true] }, { mfa: true }],
  ])('hold with %s', async (_, wanted, claims) => {
    await conditions(wanted);
    await expect(authenticate({ oidcToken: subjectToken(claims) })).resolves.toBeDefined();
  });

  it('that are an empty list let nothing through', async () => {
    await conditions({});
    await expectSubjectTokenRefused({}, 'the trust has no conditions');
  });

  it('are none where the trust says so in words', async () => {
    await trust({ conditions: 'none' });
    await expect(authenticate({ oidcToken: subjectToken({ hd: undefined }) })).resolves.toBeDefined();
  });

  it.each<[string, Record<string, readonly (string | number | boolean)[]>, Record<string, unknown>]>([
    ['the claim missing', { hd: ['acme.example'] }, { hd: undefined }],
    ['another value', { hd: ['acme.example'] }, { hd: 'evil.example' }],
    ['another case', { hd: ['acme.example'] }, { hd: 'Acme.example' }],
    ['a longer value', { hd: ['acme.example'] }, { hd: 'acme.example.evil.example' }],
    ['a list without the value', { groups: ['a'] }, { groups: ['b', 'ab', ['a']] }],
    ['an empty list', { groups: ['a'] }, { groups: [] }],
    ['a text for a boolean', { mfa: [true] }, { mfa: 'true' }],
    ['a text for a number', { level: [2] }, { level: '2' }],
    ['an object', { hd: ['acme.example'] }, { hd: { 'acme.example': true } }],
    ['one of two', { hd: ['acme.example'], mfa: [true] }, { mfa: false }],
    ['a name that every object has', { toString: ['x'] }, {}],
  ])('do not hold with %s', async (_, wanted, claims) => {
    await conditions(wanted);
    const failed = Object.keys(wanted).at(-1);
    await expectClaimsRefused(claims, `it does not meet the condition on "${failed}"`);
  });
});

describe('the party that asked for a subject token', () => {
  const NOT_LISTED = 'its azp is not one that the trust lists';

  it.each<[string, Record<string, unknown>]>([
    ['one of those that are listed', { azp: 'tessera-acme' }],
    ['one that is no audience', { azp: 'android' }],
    ['one that is no audience, for several of ours', { aud: ['tessera-acme', 'tessera-acme-cli'], azp: 'android' }],
    ['one that is an audience too, for a foreign one besides', { aud: ['tessera-acme', 'x'], azp: 'tessera-acme' }],
  ])('may be %s', async (_, claims) => {
    await trust({ azp: ['android', 'tessera-acme'] });
    await expect(authenticate({ oidcToken: subjectToken(claims) })).resolves.toBeDefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['missing', {}, NOT_LISTED],
    ['another', { azp: 'ios' }, NOT_LISTED],
    ['in another case', { azp: 'Android' }, NOT_LISTED],
    ['a list', { azp: ['android'] }, NOT_LISTED],
    ['an audience that is not listed', { azp: 'tessera-acme-cli' }, NOT_LISTED],
    [
      'an audience that is not listed, for a foreign one',
      { aud: ['tessera-acme', 'x'], azp: 'tessera-acme-cli' },
      NOT_LISTED,
    ],
    [
      'listed but no audience, for a foreign one besides',
      { aud: ['tessera-acme', 'x'], azp: 'android' },
      'it is for several audiences and was asked for by another',
    ],
    ['listed, for another audience', { aud: 'x', azp: 'android' }, 'it is for another audience'],
  ])('must not be %s', async (_, claims, reason) => {
    await trust({ azp: ['android', 'tessera-acme'] });
    await expectClaimsRefused(claims, reason);
  });

  it('is nobody where the list is empty', async () => {
    await trust({ azp: [] });
    await expectClaimsRefused({ azp: 'android' }, NOT_LISTED);
  });
});

describe('an audience by client_id', () => {
  const byClientId = (changes: Partial<Trust> = {}) =>
    trust({ audienceClaim: 'client_id', conditions: new Map([['token_use', ['access']]]), ...changes });
  const accessToken = { aud: undefined, client_id: 'tessera-acme', token_use: 'access' };

  it('is accepted in place of aud', async () => {
    await byClientId();
    await expect(authenticate({ oidcToken: subjectToken(accessToken) })).resolves.toBeDefined();
  });

  it('is not accepted unless the trust says so', async () => {
    await expectClaimsRefused(accessToken, 'its audience is missing or not a text');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an aud of ours', { aud: 'tessera-acme' }, 'it has an aud, which its issuer is trusted without'],
    ['an aud of another', { aud: ['account'] }, 'it has an aud, which its issuer is trusted without'],
    ['an aud that is null', { aud: null }, 'it has an aud, which its issuer is trusted without'],
    ['an aud that is empty', { aud: [] }, 'it has an aud, which its issuer is trusted without'],
    ['no client_id', { client_id: undefined }, 'its client_id is missing or not a text'],
    ['a list of client ids', { client_id: ['tessera-acme'] }, 'its client_id is missing or not a text'],
    ['another client_id', { client_id: 'account' }, 'its client_id is not an audience of the trust'],
    ['a client_id in another case', { client_id: 'Tessera-acme' }, 'its client_id is not an audience of the trust'],
    ['another use', { token_use: 'id' }, 'it does not meet the condition on "token_use"'],
  ])('must not have %s', async (_, changes, reason) => {
    await byClientId();
    await expectClaimsRefused({ ...accessToken, ...changes }, reason);
  });

  it.each<[string, Trust['conditions']]>([
    ['no condition', 'none'],
    ['conditions that are an empty list', new Map()],
    ['a condition on client_id alone', new Map([['client_id', ['tessera-acme']]])],
    ['the same as a path', new Map([['/client_id', ['tessera-acme']]])],
    [
      'one on iss besides',
      new Map([
        ['client_id', ['tessera-acme']],
        ['iss', ['ISSUER']],
      ]),
    ],
  ])('is not enough with %s', async (_, conditions) => {
    const own =
      conditions === 'none'
        ? conditions
        : new Map([...conditions].map(([claim, values]) => [claim, claim === 'iss' ? [provider.issuer] : values]));
    await byClientId({ conditions: own });
    await expectClaimsRefused(accessToken, 'the trust has no condition besides its client_id');
  });

  it('does not open the other checks', async () => {
    await byClientId({ azp: ['android'] });
    await expectClaimsRefused(accessToken, 'its azp is not one that the trust lists');
    await expect(authenticate({ oidcToken: subjectToken({ ...accessToken, azp: 'android' }) })).resolves.toBeDefined();
  });
});

describe('a condition on a nested claim, a word or a key', () => {
  it.each<[string, string, Condition, Record<string, unknown>]>([
    ['a path', '/realm_access/roles', ['admin'], { realm_access: { roles: ['user', 'admin'] } }],
    ['a path to one value', '/a/b', [7], { a: { b: 7 } }],
    ['a name with dots', 'realm_access.roles', ['admin'], { 'realm_access.roles': 'admin' }],
    ['a name with slashes', 'https://acme.example/roles', ['admin'], { 'https://acme.example/roles': ['admin'] }],
    ['that name as a path', '/https:~1~1acme.example~1roles', ['admin'], { 'https://acme.example/roles': ['admin'] }],
    ['a word of several', 'scope', { contains: 'orders.read' }, { scope: 'openid orders.read email' }],
    ['the only word', 'scp', { contains: 'orders.read' }, { scp: 'orders.read' }],
    ['a word of a nested text', '/a/scope', { contains: 'x' }, { a: { scope: 'x y' } }],
    ['a key', 'urn:roles', { hasKey: 'admin' }, { 'urn:roles': { admin: { org: 'acme' } } }],
    ['a nested key', '/resource_access/shop', { hasKey: 'roles' }, { resource_access: { shop: { roles: [] } } }],
  ])('holds with %s', async (_, claim, condition, claims) => {
    await trust({ conditions: new Map([[claim, condition]]) });
    await expect(authenticate({ oidcToken: subjectToken(claims) })).resolves.toBeDefined();
  });

  it.each<[string, string, Condition, Record<string, unknown>]>([
    ['dots for a path', 'realm_access.roles', ['admin'], { realm_access: { roles: ['admin'] } }],
    ['slashes for a path', 'realm_access/roles', ['admin'], { realm_access: { roles: ['admin'] } }],
    ['a path for a name with a slash', '/a/b', ['x'], { 'a/b': 'x', '/a/b': 'x' }],
    ['a path into a list', '/roles/0', ['admin'], { roles: ['admin'] }],
    ['a path through a list', '/roles/name', ['admin'], { roles: [{ name: 'admin' }] }],
    ['a path into a text', '/roles/length', [5], { roles: 'admin' }],
    ['a path to nothing', '/realm_access/roles', ['admin'], { realm_access: {} }],
    ['a path to what every object has', '/realm_access/constructor/name', ['Object'], { realm_access: {} }],
    ['a path that is none', '/a~2', ['x'], { 'a~2': 'x' }],
    ['a longer word', 'scope', { contains: 'orders.read' }, { scope: 'orders.read.all x.orders.read' }],
    ['another case', 'scope', { contains: 'orders.read' }, { scope: 'Orders.Read' }],
    ['words between tabs', 'scope', { contains: 'orders.read' }, { scope: 'a\torders.read\nb' }],
    ['words between commas', 'scope', { contains: 'orders.read' }, { scope: 'a,orders.read' }],
    ['a list of words', 'scp', { contains: 'orders.read' }, { scp: ['orders.read'] }],
    ['a map of words', 'scope', { contains: 'orders.read' }, { scope: { 'orders.read': true } }],
    ['no text', 'scope', { contains: 'orders.read' }, {}],
    ['a whole text for a word', 'scope', ['orders.read'], { scope: 'openid orders.read' }],
    ['another key', 'roles', { hasKey: 'admin' }, { roles: { user: {}, Admin: {} } }],
    ['a deeper key', 'roles', { hasKey: 'admin' }, { roles: { acme: { admin: {} } } }],
    ['a key of false', 'roles', { hasKey: 'admin' }, { roles: { admin: false } }],
    ['a key of null', 'roles', { hasKey: 'admin' }, { roles: { admin: null } }],
    ['a list for a key', 'roles', { hasKey: 'admin' }, { roles: ['admin'] }],
    ['the index of a list for a key', 'roles', { hasKey: '0' }, { roles: ['admin'] }],
    ['a text for a key', 'roles', { hasKey: 'length' }, { roles: 'admin' }],
    ['a key that every object has', 'roles', { hasKey: 'constructor' }, { roles: {} }],
    ['no map', 'roles', { hasKey: 'admin' }, { roles: null }],
    ['a map for a value', 'roles', ['admin'], { roles: { admin: {} } }],
  ])('does not hold with %s', async (_, claim, condition, claims) => {
    await trust({ conditions: new Map([[claim, condition]]) });
    await expectClaimsRefused(claims, `it does not meet the condition on "${claim}"`);
  });

  it('is named in ASCII and in short, whatever SQL wrote', async () => {
    await trust({ conditions: new Map([[`h\u00e9\n${'x'.repeat(500)}`, ['x']]]) });
    await expectClaimsRefused({}, `it does not meet the condition on "h??${'x'.repeat(125)}"`);
  });
});

describe('an address that is verified in words', () => {
  it('is accepted where the trust says so', async () => {
    await trust({ emailVerified: 'text_allowed' });
    for (const email_verified of ['true', true])
      await expect(authenticate({ oidcToken: subjectToken({ email_verified }) })).resolves.toBeDefined();
  });

  it.each(['TRUE', 'True', 'true ', 'false', '1', '', 1, ['true'], null, undefined, false, { true: true }])(
    'is not %j',
    async (email_verified) => {
      await trust({ emailVerified: 'text_allowed' });
      await expectClaimsRefused({ email_verified }, 'its e-mail address is not verified');
    },
  );
});

describe('the subject of a subject token', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['an address that is not verified', { email_verified: false }, 'its e-mail address is not verified'],
    ['nothing said about it', { email_verified: undefined }, 'its e-mail address is not verified'],
    ['"true" in words', { email_verified: 'true' }, VERIFIED_IN_TEXT],
    ['"TRUE" in words', { email_verified: 'TRUE' }, 'its e-mail address is not verified'],
    ['1', { email_verified: 1 }, 'its e-mail address is not verified'],
    ['a list of true', { email_verified: [true] }, 'its e-mail address is not verified'],
    ['no address', { email: undefined }, 'it has no usable e-mail address'],
    ['a list of addresses', { email: ['grace@acme.example'] }, 'it has no usable e-mail address'],
    ['two addresses', { email: 'grace@acme.example,eve@evil.example' }, 'it has no usable e-mail address'],
    ['letters beyond ASCII', { email: 'gr\u00e1ce@acme.example' }, 'it has no usable e-mail address'],
    ['the Kelvin sign', { email: '\u212aim@acme.example' }, 'it has no usable e-mail address'],
    ['an address elsewhere', { email: 'grace@evil.example' }, 'its e-mail domain is not one of the trust'],
    ['an address below the domain', { email: 'grace@sub.acme.example' }, 'its e-mail domain is not one of the trust'],
    ['no sub', { sub: undefined }, 'it has no subject'],
    ['an empty sub', { sub: '' }, 'it has no subject'],
    ['a number as sub', { sub: 248289761001 }, 'it has no subject'],
    ['an actor', { act: { sub: 'x' } }, 'it came from an exchange itself'],
    ['an event', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, 'it is a security event'],
    ['a key that it is bound to', { cnf: { jkt: 'x' } }, 'it is bound to a key'],
    ['an object as jti', { jti: { a: 1 } }, 'its jti is not a text'],
    ['an empty jti', { jti: '' }, 'its jti is not a text'],
  ])('must not have %s', (_, claims, reason) => expectClaimsRefused(claims, reason));

  it.each([['\ud83d'], ['x'.repeat(256)], ['a\nb']])('cannot be linked as %j', async (sub) => {
    await trust({ subject: { match: 'linked' } });
    await expectClaimsRefused({ sub }, 'its subject cannot be linked');
  });
});

it('keeps the tokens’ content out of every refusal', async () => {
  const marked = { email: 'MARKED@acme.example', sub: 'MARKED', aud: 'MARKED', hd: 'MARKED' };
  const error = await refusalOf(authenticate({ oidcToken: subjectToken(marked) }));
  expect(`${error.message} ${error.reason} ${error.detail} ${JSON.stringify(error)}`).not.toContain('MARKED');
});
