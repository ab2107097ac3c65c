import fc from 'fast-check';
import { decodeJwt } from 'jose';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import type { Surface } from '../../../src/domain/surface.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';

/** Who a subject token is about: a claim that is linked, or one fixed subject. */
let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
});
afterAll(() => service.close());

const REFUSED = 'the subject token is refused: ';
const OID = '5a2f0c1e-7d3b-4e7a-9a51-0c3f6f2a8b10';

/** acme trusts its provider so. The values are linked to Grace, who is a user and an administrator. */
async function trust(changes: Readonly<Record<string, string>>, linked: readonly string[] = []): Promise<void> {
  const identities = JSON.stringify(linked.map((sub) => ({ issuer: 'corp', sub })));
  let file = tenantsWithTrusts(trustOf('corp', service.provider.issuer, changes));
  for (const [from, to] of [
    ['id: u-grace,', `id: u-grace, identities: ${identities},`],
    ['id: a-grace,', `id: a-grace, identities: ${identities},`],
  ] as const)
    file = replaceOnce(file, from, to);
  await service.tessera.apply(file);
}
const exchange = (claims: Readonly<Record<string, unknown>>, surface: Surface = 'user') =>
  service.exchange({ surface, oidcToken: service.subjectToken(claims) });

async function expectSubject(claims: Readonly<Record<string, unknown>>, sub: string, surface: Surface = 'user') {
  const answer = await exchange(claims, surface);
  expect(answer.status).toBe(200);
  const token = decodeJwt(answer.body['access_token'] as string);
  expect(token).toMatchObject({ sub, idp: service.provider.issuer });
  expect(service.tessera.auditRow(answer.requestId)).toMatchObject({ outcome: 'issued', subject_id: sub });
}

async function expectRefusal(
  claims: Readonly<Record<string, unknown>>,
  reason: string | RegExp,
  surface: Surface = 'user',
) {
  service.expectAnswerRefused(await exchange(claims, surface), reason);
}

describe('a linked sub', () => {
  const SUBS = ['organization:acme:project:Default Project:workspace:web', 'grâce', ' grace ', '\u{1f600}'.repeat(255)];

  it.each(SUBS)('may be %j', async (sub) => {
    await trust({ subject: '{ match: linked }' }, [sub]);
    await expectSubject({ sub }, 'u-grace');
    await expectSubject({ sub }, 'a-grace', 'admin');
  });

  it.each([
    ['grâce', 'grace'],
    ['grâce', 'gra\u0302ce'],
    ['grace', 'grace '],
    ['grace', 'Grace'],
    ['grace ', 'grace'],
    ['a b', 'a\u00a0b'],
  ])('%j is not that of %j', async (linked, sub) => {
    await trust({ subject: '{ match: linked }' }, [linked]);
    for (const surface of ['user', 'admin'] as const) await expectRefusal({ sub }, 'unknown subject', surface);
  });

  it.each(['x'.repeat(256), '\u{1f600}'.repeat(256), 'a\u0000', 'a\nb'])('cannot be %j', async (sub) => {
    await trust({ subject: '{ match: linked }' }, ['grace']);
    await expectRefusal({ sub }, `${REFUSED}its subject cannot be linked`);
  });
});

describe('a linked claim', () => {
  it('names the subject instead of sub', async () => {
    await trust({ subject: '{ match: linked, claim: oid }' }, [OID]);
    await expectSubject({ oid: OID, sub: 'pairwise' }, 'u-grace');
    await expectSubject({ oid: OID, sub: 'pairwise' }, 'a-grace', 'admin');
    await expectRefusal({ oid: 'another', sub: OID }, 'unknown subject');
    await expectRefusal({ oid: OID.toUpperCase() }, 'unknown subject');
    await expectRefusal({ sub: OID }, `${REFUSED}its oid cannot be linked`);
    await expectRefusal({ sub: undefined, oid: OID }, `${REFUSED}it has no subject`);
  });

  it.each([[null], [''], [7], [true], [[OID]], [{ value: OID }], ['x'.repeat(256)], [`${OID}\u0000`]])(
    'cannot be %j',
    async (oid) => {
      await trust({ subject: '{ match: linked, claim: oid }' }, [OID, '7', 'true']);
      await expectRefusal({ oid, sub: OID }, `${REFUSED}its oid cannot be linked`);
    },
  );

  it('may be nested, and does not index lists', async () => {
    await trust({ subject: '{ match: linked, claim: /act~1or/id }' }, [OID]);
    await expectSubject({ 'act/or': { id: OID } }, 'u-grace');
    for (const claims of [{ '/act~1or/id': OID }, { 'act/or': [{ id: OID }] }, { 'act/or': OID }, { id: OID }])
      await expectRefusal(claims, `${REFUSED}its /act~1or/id cannot be linked`);
    await trust({ subject: '{ match: linked, claim: /ids/0 }' }, [OID]);
    await expectRefusal({ ids: [OID] }, `${REFUSED}its /ids/0 cannot be linked`);
  });

  it('with dots or inner slashes in its name is a top-level claim', async () => {
    for (const claim of ['acme.oid', 'https://acme.example/oid']) {
      await trust({ subject: `{ match: linked, claim: "${claim}" }` }, [OID]);
      await expectSubject({ [claim]: OID }, 'u-grace');
      await expectRefusal({ acme: { oid: OID } }, `${REFUSED}its ${claim} cannot be linked`);
    }
  });

  it.each(['email', '/email'])('that is %s must be verified', async (claim) => {
    await trust({ subject: `{ match: linked, claim: ${claim} }` }, ['grace@acme.example']);
    await expectSubject({}, 'u-grace');
    for (const email_verified of [undefined, false, 'true', 1])
      await expectRefusal({ email_verified }, `${REFUSED}its e-mail address is not verified`);
  });

  it('called sub is the default', async () => {
    await trust({ subject: '{ match: linked, claim: sub }' }, ['grace']);
    await expectSubject({ sub: 'grace' }, 'u-grace');
  });

  it('is that of no other issuer', async () => {
    await trust({ subject: '{ match: linked, claim: oid }' }, [OID]);
    const oidcToken = service.subjectToken({ oid: OID }, service.elsewhere);
    await service.expectRefused({ oidcToken }, `${REFUSED}this tenant does not trust its issuer`);
  });
});

describe('a fixed subject', () => {
  const FIXED = { subject: '{ match: user, id: u-grace }', surfaces: '[user]', conditions: '{ repo: acme/web }' };

  it('is the user of every token that meets the conditions, whatever it says about itself', async () => {
    await trust(FIXED);
    for (const claims of [{}, { sub: 'u-ada', email: 'ada@acme.example' }, { email: undefined, sub: '{9c1…}' }])
      await expectSubject({ repo: 'acme/web', ...claims }, 'u-grace');
    for (const repo of [undefined, 'acme/web2', 'ACME/web', ['x'], null, true])
      await expectRefusal({ repo, sub: 'u-grace' }, /^the subject token is refused: it does not meet/);
  });

  it('is for its surface only', async () => {
    await trust(FIXED);
    const reason = `${REFUSED}its issuer is not trusted for this surface`;
    await expectRefusal({ repo: 'acme/web' }, reason, 'admin');
    await trust({ ...FIXED, subject: '{ match: user, id: a-grace }', surfaces: '[admin]' });
    await expectSubject({ repo: 'acme/web' }, 'a-grace', 'admin');
    await expectRefusal({ repo: 'acme/web' }, reason);
  });

  it('must be active', async () => {
    await trust({ ...FIXED, subject: '{ match: user, id: u-bob }' });
    await expectRefusal({ repo: 'acme/web' }, 'the subject is disabled');
  });

  it('is redeemed once for each token', async () => {
    await trust(FIXED);
    const oidcToken = service.subjectToken({ repo: 'acme/web' });
    expect((await service.exchange({ oidcToken })).status).toBe(200);
    expect((await service.exchange({ oidcToken })).status).toBe(401);
  });
});

describe('a tenants file', () => {
  const USER = '{ match: user, id: u-grace }';
  it.each<[name: string, changes: Readonly<Record<string, string>>, message: RegExp]>([
    ['a fixed subject without conditions', { subject: USER, conditions: 'none' }, /conditions .*besides iss and aud/],
    ['on iss alone', { subject: USER, conditions: "{ iss: 'https://a.example' }" }, /conditions .*besides iss and aud/],
    ['on iss and aud', { subject: USER, conditions: '{ iss: a, aud: b }' }, /conditions .*besides iss and aud/],
    ['on pointers to them', { subject: USER, conditions: '{ /iss: a, /aud/x: b }' }, /conditions .*besides/],
    [
      'a fixed subject of both surfaces',
      { subject: USER, surfaces: '[admin, user]' },
      /surfaces must be \[user\] for a user or/,
    ],
    ['of none', { subject: USER, surfaces: '[]' }, /surfaces must be \[user\] for a user or/],
    ['an unknown user', { subject: '{ match: user, id: u-gone }' }, /there is no user "u-gone": declare it/],
    ['an administrator as a user', { subject: '{ match: user, id: a-grace }' }, /there is no user "a-grace"/],
    ['a user as an administrator', { subject: USER, surfaces: '[admin]' }, /there is no administrator "u-grace"/],
    ['no id', { subject: '{ match: user }' }, /needs "id"/],
    ['an id that is none', { subject: "{ match: user, id: 'a@b' }" }, /an id: 1 to 128/],
    ['an id and a claim', { subject: '{ match: user, id: u-grace, claim: oid }' }, /claim has no meaning/],
    ['an id for links', { subject: '{ match: linked, id: u-grace }' }, /id has no meaning/],
    [
      'a claim for addresses',
      { subject: '{ match: email, domains: [a.example], claim: oid }' },
      /claim has no meaning/,
    ],
    ['an empty claim', { subject: "{ match: linked, claim: '' }" }, /the name of a claim/],
    ['no claim', { subject: '{ match: linked, claim: null }' }, /the name of a claim/],
    ['a claim with a space', { subject: "{ match: linked, claim: 'a b' }" }, /the name of a claim/],
    ['a malformed pointer', { subject: '{ match: linked, claim: /a~2 }' }, /the name of a claim/],
    ['a claim that is alike in all tokens', { subject: '{ match: linked, claim: iss }' }, /names nobody/],
    ['a pointer to such a claim', { subject: '{ match: linked, claim: /aud }' }, /names nobody/],
    ['a star', { subject: "{ match: linked, claim: '*' }" }, /compared to the letter/],
  ])('is refused for %s', async (_name, changes, message) => {
    const all = { surfaces: '[user]', conditions: '{ hd: acme.example }', ...changes };
    await expect(trust(all)).rejects.toThrow(message);
  });

  it('does not remove a fixed subject, nor leave the issuer without its conditions', async () => {
    await trust({ subject: USER, surfaces: '[user]' });
    const only = (members: string) => `apiVersion: tessera/v1\ntenants: [{ id: acme, ${members} }]\n`;
    const pruned = only('users: [{ id: u-ada }]');
    await expect(service.tessera.apply(pruned, ['--prune'])).rejects.toThrow(
      /there is no user "u-grace" after this: keep it/,
    );
    for (const [change, message] of [
      ['conditions: none', /besides iss and aud/],
      ['conditions: { aud: x }', /besides iss and aud/],
      ['surfaces: [admin, user]', /is about one subject/],
      ['surfaces: [admin]', /no administrator "u-grace"/],
    ] as const)
      await expect(service.tessera.apply(only(`issuers: [{ id: corp, ${change} }]`))).rejects.toThrow(message);
  });

  it('does not give links of one claim to another', async () => {
    await trust({ subject: '{ match: linked }' }, ['grace']);
    const only = (subject: string) =>
      `apiVersion: tessera/v1\ntenants: [{ id: acme, issuers: [{ id: corp, subject: ${subject} }] }]\n`;
    const apply = (subject: string) => service.tessera.apply(only(subject));
    await expect(apply('{ match: linked, claim: oid }')).rejects.toThrow(/u-grace.*links by "oid" from now on/);
    await trust({ subject: '{ match: linked, claim: oid }' }, [OID]);
    await apply('{ match: linked, claim: oid }');
    for (const subject of ['{ match: linked }', '{ match: email, domains: [acme.example] }'])
      await expect(apply(subject)).rejects.toThrow(/u-grace.*links by "sub" from now on/);
  });
});

describe('conditions', () => {
  it('that are more never let more tokens in, whatever the subject is', async () => {
    const subjects = ['{ match: linked, claim: oid }', '{ match: user, id: u-grace }'];
    const claim = fc.constantFrom('repo', 'ref', 'env');
    const conditions = fc.dictionary(claim, fc.constantFrom('a', 'b'), { minKeys: 1, maxKeys: 3 });
    const widest = fc.record({ subject: fc.constantFrom(...subjects), conditions, more: conditions });
    await fc.assert(
      fc.asyncProperty(
        widest,
        fc.array(fc.dictionary(claim, fc.constantFrom('a', 'b', 'c')), { minLength: 1, maxLength: 6 }),
        async ({ subject, conditions: few, more }, tokens) => {
          const accepted: boolean[][] = [];
          for (const wanted of [few, { ...more, ...few }]) {
            await trust({ subject, surfaces: '[user]', conditions: JSON.stringify(wanted) }, [OID]);
            const answers = [];
            for (const claims of tokens) answers.push((await exchange({ oid: OID, ...claims })).status === 200);
            accepted.push(answers);
          }
          const [wide, narrow] = accepted as [boolean[], boolean[]];
          return narrow.every((isAccepted, index) => !isAccepted || wide[index]);
        },
      ),
      { numRuns: 12 },
    );
  });
});
