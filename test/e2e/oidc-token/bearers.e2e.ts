import {
  ATTACK_TABLE,
  type AttackMaterial,
  GOOD_WHEN_TRIMMED,
  goodToken,
} from '../../../libs/token/test/attack-table.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { askWithBearer, statusOfRefusal } from '../../support/requests/bearer-request.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

const NO_HEADER = 'The request has no Authorization header. Send "Authorization: Bearer" and an access token.';

/** The attack table as the bearer of oidcToken. The attacker holds the tenants' real keys, and the subject token is valid. */
let service: ExchangeService;
let material: AttackMaterial;
beforeAll(async () => {
  service = await startExchangeService();
  material = await service.material();
  // Keys are in memory, so a connection from now on is caused by a token.
  expect((await service.exchange()).status).toBe(200);
});
afterAll(() => service.close());

it('accepts the bearer that every attack starts from', async () => {
  expect((await service.exchange({ bearer: goodToken(material) })).status).toBe(200);
});

describe('refuses', () => {
  it.each(
    ATTACK_TABLE.filter((row) => row.only === undefined).map((row) => ({ target: row.target, name: row.name, row })),
  )('$target: $name', async ({ row }) => {
    const before = service.connections();
    const bearer = row.make(material);
    const body = { oidc_token: service.subjectToken() };
    const answer = await askWithBearer(service.tessera.url, {
      method: 'POST',
      path: '/auth/user/oidcToken',
      bearer,
      body,
    });
    // White space at a field's end is not part of its value (RFC 9110, section 5.5), so the good token arrives there.
    if (GOOD_WHEN_TRIMMED.includes(row.name)) {
      expect(answer.status).toBe(200);
      return;
    }
    expect(answer.status).toBe(statusOfRefusal(bearer));
    if (answer.status === 401) service.expectAnswerRefused(answer, /bearer/);
    expect(service.connections()).toBe(before);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    ['a bearer of the other surface', () => service.bearer({ surface: 'admin' }), /^bearer: surface/],
    [
      'a bearer that came from an exchange itself',
      async () => (await service.exchange()).body['access_token'] as string,
      /^bearer: it came from an exchange$/,
    ],
    ['the subject token as bearer', () => Promise.resolve(service.subjectToken()), /^the bearer is malformed$/],
    [
      'a bearer of an unknown tenant',
      () =>
        Promise.resolve(
          goodToken({ ...material, claims: { ...material.claims, iss: `${service.tessera.url}/tenants/x` } }),
        ),
      /^bearer: unknown tenant$/,
    ],
    [
      'a bearer of a removed subject',
      () => Promise.resolve(goodToken({ ...material, claims: { ...material.claims, sub: 'u-gone' } })),
      /^bearer: its subject is no more$/,
    ],
    [
      'a bearer of a removed client',
      () => Promise.resolve(goodToken({ ...material, claims: { ...material.claims, client_id: 'gone' } })),
      /^bearer: its client is no more$/,
    ],
  ])('%s', async (_name, bearer, reason) => {
    const made = await bearer();
    await service.expectRefused({ bearer: made }, reason);
  });

  it.each<[string, (bearer: string) => Record<string, string>, RegExp, string | undefined]>([
    ['no bearer', () => ({}), /^no bearer$/, NO_HEADER],
    ['another scheme', (bearer) => ({ authorization: `Basic ${bearer}` }), /not one bearer$/, undefined],
    [
      'two bearers in one header',
      (bearer) => ({ authorization: `Bearer ${bearer}, Bearer ${bearer}` }),
      /not one/,
      undefined,
    ],
  ])('%s', async (_name, headers, reason, detail) => {
    const answer = await service.tessera.post(
      '/auth/user/oidcToken',
      { oidc_token: service.subjectToken() },
      headers(await service.bearer()),
    );
    service.expectAnswerRefused(answer, reason, detail);
  });

  it('a bearer in the query or the body', async () => {
    const bearer = await service.bearer();
    const body = { oidc_token: service.subjectToken() };
    service.expectAnswerRefused(
      await service.tessera.post(`/auth/user/oidcToken?access_token=${bearer}`, body),
      /^no bearer$/,
      NO_HEADER,
    );
    const both = await service.tessera.post(
      '/auth/user/oidcToken',
      { ...body, access_token: bearer },
      { authorization: `Bearer ${bearer}` },
    );
    expect(both.refusal()).toMatchObject({ status: 400 });
  });

  it('a bearer after its expiry and the skew, but not before', async () => {
    const bearer = await service.bearer();
    service.tessera.clock.advanceSeconds(900 + 20);
    expect((await service.exchange({ bearer })).status).toBe(200);
    service.tessera.clock.advanceSeconds(41);
    service.expectAnswerRefused(await service.exchange({ bearer }), 'bearer: exp has passed');
  });

  it('a bearer of a revoked key, and not that of a retired one', async () => {
    const old = await service.bearer();
    const { kid } = await service.material();
    const keys = JSON.parse(await service.tessera.cli(['keys', 'rotate', 'acme', '-o', 'json'])) as {
      keys: { kid: string; state: string }[];
    };
    const next = keys.keys.find((key) => key.state === 'next')!.kid;
    await service.tessera.cli(['keys', 'activate', 'acme', next, '--dangerously-before-verifiers-know-it']);
    await service.tessera.caughtUp();
    expect((await service.exchange({ bearer: old })).status).toBe(200);
    await service.tessera.cli(['keys', 'revoke', 'acme', kid]);
    await service.tessera.caughtUp();
    await eventually('the refusal', async () => (await service.exchange({ bearer: old })).status === 401);
    expect((await service.exchange()).status).toBe(200);
  });
});
