import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';

/** What a trusted issuer may say about parties, audiences, nested claims and verified addresses: each with a token that it lets in and its nearest wrong twin. */
let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
});
afterAll(() => service.close());

const REFUSED = 'the subject token is refused: ';

/** Applies acme's trust with these members, beyond those of `trustOf`. */
async function trusting(members: Readonly<Record<string, string>>): Promise<void> {
  const unset = { audience_claim: 'null', azp: 'null', email_verified: 'null' };
  const { tessera, provider, elsewhere } = service;
  await tessera.apply(
    tenantsWithTrusts(
      trustOf('corp', provider.issuer, { ...unset, ...members }),
      trustOf('theirs', elsewhere.issuer, { subject: '{ match: email, domains: [globex.example] }' }),
    ),
  );
  await service.exchange();
}

interface Row {
  readonly members: Readonly<Record<string, string>>;
  readonly good: Readonly<Record<string, unknown>>;
  readonly wrong: Readonly<Record<string, unknown>>;
  readonly reason: string;
}

const ROWS: Readonly<Record<string, Row>> = {
  'several audiences of ours': {
    members: { audiences: '[tessera-acme, tessera-cli]' },
    good: { aud: ['tessera-acme', 'tessera-cli'], azp: 'android' },
    wrong: { aud: ['tessera-acme', 'tessera-cli', 'account'], azp: 'android' },
    reason: 'it is for several audiences and was asked for by another',
  },
  'a foreign audience among several': {
    members: {},
    good: { aud: ['tessera-acme', 'account'], azp: 'tessera-acme' },
    wrong: { aud: ['tessera-acme', 'account'], azp: 'account' },
    reason: 'it is for several audiences and was asked for by another',
  },
  'a party that asked': {
    members: { azp: '[android, ios]' },
    good: { azp: 'ios' },
    wrong: { azp: 'web' },
    reason: 'its azp is not one that the trust lists',
  },
  'a party that asked, with a foreign audience': {
    members: { audiences: '[tessera-acme, tessera-cli]', azp: '[tessera-cli]' },
    good: { aud: ['tessera-acme', 'account'], azp: 'tessera-cli' },
    wrong: { aud: ['tessera-acme', 'account'], azp: 'tessera-acme' },
    reason: 'its azp is not one that the trust lists',
  },
  'an access token without aud': {
    members: { audience_claim: 'client_id', conditions: '{ token_use: access, scope: { contains: orders.read } }' },
    good: { aud: undefined, client_id: 'tessera-acme', token_use: 'access', scope: 'openid orders.read' },
    wrong: { aud: 'tessera-acme', client_id: 'tessera-acme', token_use: 'access', scope: 'openid orders.read' },
    reason: 'it has an aud, which its issuer is trusted without',
  },
  'another client of the same pool': {
    members: { audience_claim: 'client_id', conditions: '{ token_use: access }' },
    good: { aud: undefined, client_id: 'tessera-acme', token_use: 'access' },
    wrong: { aud: undefined, client_id: 'account', token_use: 'access' },
    reason: 'its client_id is not an audience of the trust',
  },
  'nested roles': {
    members: { conditions: '{ /realm_access/roles: [tessera, admin] }' },
    good: { realm_access: { roles: ['offline', 'tessera'] } },
    wrong: { 'realm_access.roles': ['tessera'], '/realm_access/roles': ['tessera'] },
    reason: 'it does not meet the condition on "/realm_access/roles"',
  },
  'a name with dots and slashes': {
    members: { conditions: "{ 'https://acme.example/v1.0/roles': tessera }" },
    good: { 'https://acme.example/v1.0/roles': ['tessera'] },
    wrong: { 'https:': { '': { 'acme.example': { 'v1.0': { roles: ['tessera'] } } } } },
    reason: 'it does not meet the condition on "https://acme.example/v1.0/roles"',
  },
  'a scope': {
    members: { conditions: '{ scope: { contains: orders.read } }' },
    good: { scope: 'openid orders.read' },
    wrong: { scope: 'openid orders.read.all' },
    reason: 'it does not meet the condition on "scope"',
  },
  'a key of a map': {
    members: { conditions: "{ 'urn:zitadel:iam:org:project:roles': { has_key: admin } }" },
    good: { 'urn:zitadel:iam:org:project:roles': { admin: { 1: 'acme.example' } } },
    wrong: { 'urn:zitadel:iam:org:project:roles': { user: { admin: 'acme.example' } } },
    reason: 'it does not meet the condition on "urn:zitadel:iam:org:project:roles"',
  },
  'an address that is verified in words': {
    members: { email_verified: 'text_allowed' },
    good: { email_verified: 'true' },
    wrong: { email_verified: 'True' },
    reason: 'its e-mail address is not verified',
  },
};

describe.each(Object.entries(ROWS))('%s', (_name, { members, good, wrong, reason }) => {
  it('is accepted, and its nearest wrong twin refused', async () => {
    await trusting(members);
    expect((await service.exchange({ oidcToken: service.subjectToken(good) })).status).toBe(200);
    await service.expectRefused({ oidcToken: service.subjectToken(wrong) }, REFUSED + reason);
  });
});

describe('without a word in the file', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'client_id is no audience',
      { aud: undefined, client_id: 'tessera-acme' },
      'its audience is missing or not a text',
    ],
    [
      'a text does not verify an address',
      { email_verified: 'true' },
      'its email_verified is the text "true", not the boolean: the trust does not say email_verified: text_allowed',
    ],
  ])('%s', async (_name, claims, reason) => {
    await trusting({});
    await service.expectRefused({ oidcToken: service.subjectToken(claims) }, REFUSED + reason);
  });

  it('one audience may be asked for by anybody', async () => {
    await trusting({});
    expect((await service.exchange({ oidcToken: service.subjectToken({ azp: 'android' }) })).status).toBe(200);
  });
});

it('the record of a refusal names the claim of the condition, and no value', async () => {
  await trusting({ conditions: '{ hd: acme.example, /a/secret: [wanted-value, 4711] }' });
  const answer = await service.exchange({ oidcToken: service.subjectToken({ a: { secret: 'found-value' } }) });
  service.expectAnswerRefused(answer, `${REFUSED}it does not meet the condition on "/a/secret"`);
  expect(JSON.stringify([answer.body, service.tessera.auditRow(answer.requestId)])).not.toMatch(
    /wanted-value|4711|found-value/,
  );
});

it('options that are reset with null no longer hold', async () => {
  const text = service.subjectToken({ email_verified: 'true', azp: 'web' });
  await trusting({ email_verified: 'text_allowed', azp: '[android]' });
  await service.expectRefused({ oidcToken: text }, `${REFUSED}its azp is not one that the trust lists`);
  await trusting({ email_verified: 'text_allowed' });
  expect((await service.exchange({ oidcToken: text })).status).toBe(200);
  await trusting({});
  await service.expectRefused(
    { oidcToken: service.subjectToken({ email_verified: 'true' }) },
    /^the subject token is refused: its email_verified is the text "true"/,
  );
});

it('an export holds every option, and applies as it is', async () => {
  const { members } = ROWS['an access token without aud']!;
  await trusting({ ...members, azp: '[tessera-acme]', email_verified: 'text_allowed' });
  const exported = await service.tessera.cli(['export']);
  expect(exported).toContain('audience_claim: client_id');
  expect(exported).toContain('azp: [ tessera-acme ]');
  expect(exported).toContain('email_verified: text_allowed');
  expect(exported).toContain('scope: { contains: orders.read }');
  await service.tessera.apply(exported);
  expect(await service.tessera.cli(['export'])).toBe(exported);
});
