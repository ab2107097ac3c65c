import { decodeJwt } from 'jose';
import type { Answer } from '../../support/requests/answer.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import { type HostileProvider, sendJson } from '../../../src/testing/hostile-provider.ts';
import { replaceEach, replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** The state of tenant, client and subject at the time of the exchange decides, whatever a valid bearer and a valid subject token say. So does the time. */
let service: ExchangeService;
/** Its keys are not in memory. */
let slow: HostileProvider;
let tenants: string;
beforeAll(async () => {
  service = await startExchangeService({ providers: 1 });
  const { provider, elsewhere } = service;
  slow = service.next();
  tenants = replaceEach(
    tenantsWithTrusts(
      trustOf('corp', provider.issuer) + trustOf('spare-0', slow.issuer),
      trustOf('theirs', elsewhere.issuer),
    ),
    // Users whose address a careless case folding would change into another user's.
    [
      '      - { id: u-bob',
      '      - { id: u-kim, email: kim@acme.example }\n      - { id: u-ina, email: Ina@acme.example }\n$&',
    ],
    // A user of acme who is an administrator of globex.
    [
      '      - { id: a-root, email: root@globex.example',
      '      - { id: g-ada, email: ada@acme.example, scopes: ["audit:read"] }\n$&',
    ],
  );
});
beforeEach(() => service.tessera.apply(tenants));
afterAll(() => service.close());

const REFUSED = 'the subject token is refused: ';
const now = () => Math.floor(service.tessera.clock.nowMs() / 1000);
const saysOf = (answer: Answer) => {
  expect(answer.status).toBe(200);
  return decodeJwt(answer.body['access_token'] as string);
};

describe('a valid subject token with an older bearer', () => {
  it.each([
    ['the client was disabled', '- { id: web, ', 'status: disabled, ', 'the client is disabled', null],
    ['the project was disabled', '      - id: shop\n', '        status: disabled\n', 'the project is disabled', null],
    ['the tenant was suspended', '  - id: acme\n', '    status: suspended\n', 'the tenant is suspended', null],
    [
      'the subject of the bearer was disabled',
      '{ id: u-ada, ',
      'status: disabled, ',
      'bearer: its subject is disabled',
      'u-ada',
    ],
    [
      'the subject of the token was disabled',
      '{ id: u-grace, ',
      'status: disabled, ',
      'the subject is disabled',
      'u-grace',
    ],
  ])('%s', async (_name, place, addition, reason, subject) => {
    const bearer = await service.bearer();
    const oidcToken = service.subjectToken();
    await service.tessera.apply(replaceOnce(tenants, place, `${place}${addition}`));
    const answer = await service.exchange({ bearer, oidcToken });
    service.expectAnswerRefused(answer, reason);
    expect(service.tessera.auditRow(answer.requestId)['subject_id']).toBe(subject);
    // The token was not at fault, and it is not used up.
    const active = addition.replace(/disabled|suspended/, 'active');
    await service.tessera.apply(replaceOnce(tenants, place, `${place}${active}`));
    expect(saysOf(await service.exchange({ bearer, oidcToken }))).toMatchObject({ sub: 'u-grace' });
  });

  it('about a subject that was removed from the directory', async () => {
    const bearer = await service.bearer();
    const oidcToken = service.subjectToken();
    expect(saysOf(await service.exchange({ bearer }))).toMatchObject({ sub: 'u-grace' });
    await service.tessera.apply(replaceOnce(tenants, /.*id: u-grace.*\n/, ''), ['--prune']);
    await service.expectRefused({ bearer, oidcToken }, 'unknown subject');
    // A removal revokes: until the time in `before` has passed, a restored subject gets no token. Tests below set the clock back by up to two
    // minutes.
    service.tessera.clock.jumpAheadOfSystem(300);
  });
});

describe('a user of one tenant who is an administrator of another', () => {
  const ada = { email: 'ada@acme.example' };

  it('has each role only in its tenant', async () => {
    const { elsewhere } = service;
    expect(saysOf(await service.exchange({ oidcToken: service.subjectToken(ada) }))).toMatchObject({
      sub: 'u-ada',
      tenant_id: 'acme',
    });
    const admin = await service.exchange({
      surface: 'admin',
      bearer: await service.bearer({ surface: 'admin', tenant: 'globex' }),
      oidcToken: service.subjectToken(ada, elsewhere),
    });
    expect(saysOf(admin)).toMatchObject({ sub: 'g-ada', tenant_id: 'globex', surface: 'admin', scope: 'audit:read' });
  });

  it('is not an administrator of the first, and not a user of the second', async () => {
    await service.expectRefused({ surface: 'admin', oidcToken: service.subjectToken(ada) }, 'unknown subject');
    const bearer = await service.bearer({ tenant: 'globex' });
    await service.expectRefused({ bearer, oidcToken: service.subjectToken(ada, service.elsewhere) }, 'unknown subject');
  });

  it('gets no token in one with a bearer of the other', async () => {
    const bearer = await service.bearer({ surface: 'admin', tenant: 'globex' });
    await service.expectRefused(
      { surface: 'admin', bearer, oidcToken: service.subjectToken(ada) },
      `${REFUSED}this tenant does not trust its issuer`,
    );
  });
});

describe('an e-mail address in a subject token', () => {
  it.each(['GRACE@acme.example', 'Grace@ACME.Example'])('%s is Grace’s', async (email) => {
    expect(saysOf(await service.exchange({ oidcToken: service.subjectToken({ email }) }))).toMatchObject({
      sub: 'u-grace',
      email_id: 'grace@acme.example',
    });
  });

  it.each([
    ['the Kelvin sign', '\u212aim@acme.example'],
    ['a dotless i', '\u0131na@acme.example'],
    ['a dotted capital I', '\u0130na@acme.example'],
    ['an accent', 'gr\u00e1ce@acme.example'],
    ['an accent on its own', 'gra\u0301ce@acme.example'],
    ['a full-width letter', '\uff47race@acme.example'],
    ['a Cyrillic letter', 'gr\u0430ce@acme.example'],
    ['a sharp s in the domain', 'grace@a\u00dfme.example'],
    ['a space after', 'grace@acme.example '],
    ['a space before', ' grace@acme.example'],
    ['a line break after', 'grace@acme.example\r\n'],
    ['NUL behind', 'grace@acme.example\0'],
    ['a dot after', 'grace@acme.example.'],
    ['two @', 'grace@@acme.example'],
    ['two domains, ours last', 'grace@evil.example@acme.example'],
    ['two domains, ours first', 'grace@acme.example@evil.example'],
    ['a name around it', 'Grace <grace@acme.example>'],
    ['255 characters', `${'g'.repeat(242)}@acme.example`],
  ])('with %s is nobody’s', async (_name, email) => {
    await service.expectRefused(
      { oidcToken: service.subjectToken({ email }) },
      `${REFUSED}it has no usable e-mail address`,
    );
  });
});

describe('the clock', () => {
  it('jumps past the expiry of a subject token, and back', async () => {
    const { clock } = service.tessera;
    const exp = now() + 300;
    const oidcToken = service.subjectToken({ exp });
    clock.jumpSeconds(301);
    await service.expectRefused({ oidcToken }, `${REFUSED}it has expired`);
    clock.jumpSeconds(-301);
    expect(saysOf(await service.exchange({ oidcToken })).exp).toBe(exp);
  });

  it.each([10, 20])('goes %s s back, and no token outlives the subject token or its own lifetime', async (seconds) => {
    const exp = now() + 300;
    const [short, long] = [service.subjectToken({ exp }), service.subjectToken({ exp: now() + 3_500 })];
    service.tessera.clock.jumpSeconds(-seconds);
    const answer = await service.exchange({ oidcToken: short });
    expect(saysOf(answer).exp).toBe(exp);
    expect(answer.body['expires_in']).toBe(300 + seconds);
    expect(saysOf(await service.exchange({ oidcToken: long })).exp).toBe(now() + 900);
    service.tessera.clock.jumpSeconds(seconds);
  });

  it('goes back before a subject token was issued', async () => {
    const oidcToken = service.subjectToken();
    service.tessera.clock.jumpSeconds(-120);
    await service.expectRefused({ oidcToken }, `${REFUSED}it was issued in the future`);
    service.tessera.clock.jumpSeconds(120);
    expect((await service.exchange({ oidcToken })).status).toBe(200);
  });

  it('jumps past the expiry of a subject token while its keys are fetched', async () => {
    slow.onKeys = (_request, response) => {
      service.tessera.clock.jumpSeconds(301);
      sendJson(response, { keys: slow.keys });
    };
    const bearer = await service.bearer();
    const answer = await service.exchange({ bearer, oidcToken: service.subjectToken({}, slow) });
    service.tessera.clock.jumpSeconds(-301);
    service.expectAnswerRefused(answer, `${REFUSED}it has expired`);
  });

  it('jumps and comes back: a redeemed token stays redeemed', async () => {
    const oidcToken = service.subjectToken();
    expect((await service.exchange({ oidcToken })).status).toBe(200);
    for (const seconds of [400, -400]) service.tessera.clock.jumpSeconds(seconds);
    await service.expectRefused({ oidcToken }, `${REFUSED}it was used before`);
  });
});
