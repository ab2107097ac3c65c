import type { Answer } from '../../support/requests/answer.ts';
import { readAnswer } from '../../support/requests/answer.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';
import { providerKey, type ProviderSigningKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';

/** The request of oidcToken: its form, its limits, and what the log says of it. */
let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService({ failuresPerMinute: 20 });
});
afterAll(() => service.close());
// The windows of the limits end.
beforeEach(() => {
  service.tessera.clock.advanceSeconds(61);
});

const PATH = '/auth/user/oidcToken';

async function send(
  body: string | URLSearchParams,
  headers: Record<string, string> = {},
  path = PATH,
): Promise<Answer> {
  return readAnswer(
    await fetch(service.tessera.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await service.bearer()}`,
        ...headers,
      },
      body,
    }),
  );
}

describe('a body', () => {
  it.each<[string, (token: string) => string | URLSearchParams, Record<string, string>, number]>([
    [
      'form-encoded',
      (token) => new URLSearchParams({ oidc_token: token }),
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
    ],
    ['that says it is text', (token) => JSON.stringify({ oidc_token: token }), { 'content-type': 'text/plain' }, 415],
    ['that is not JSON', () => '{', {}, 400],
    ['without oidc_token', () => '{}', {}, 400],
    ['with an empty token', () => '{"oidc_token":""}', {}, 400],
    ['with a null', () => '{"oidc_token":null}', {}, 400],
    ['with a list', (token) => JSON.stringify({ oidc_token: [token] }), {}, 400],
    ['with an object', () => '{"oidc_token":{"$ne":1}}', {}, 400],
    ['with a number', () => '{"oidc_token":1}', {}, 400],
    ['with another member', (token) => JSON.stringify({ oidc_token: token, email_id: 'ada@acme.example' }), {}, 400],
    ['with the member twice', (token) => `{"oidc_token":"${token}","oidc_token":"${token}"}`, {}, 400],
    ['with __proto__', (token) => `{"oidc_token":"${token}","__proto__":{"x":1}}`, {}, 400],
    ['that is a list', (token) => JSON.stringify([token]), {}, 400],
    ['with a byte order mark', (token) => `\ufeff${JSON.stringify({ oidc_token: token })}`, {}, 400],
    ['over 64 KiB', () => JSON.stringify({ oidc_token: 'a'.repeat(70_000) }), {}, 413],
  ])('%s is refused, and no issuer is contacted', async (_name, body, headers, status) => {
    const [connections, rows] = [service.connections(), service.tessera.auditRows()];
    const answer = await send(body(service.subjectToken()), headers);
    expect(answer.refusal().status).toBe(status);
    expect(service.connections()).toBe(connections);
    // Only the bearer's own record: a malformed request has none.
    expect(service.tessera.auditRows()).toBe(rows + 1);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('a request', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('by %s is a 405', async (method) => {
    const answer = await readAnswer(await fetch(service.tessera.url + PATH, { method }));
    expect(answer.refusal()).toMatchObject({ status: 405 });
    expect(answer.headers.get('allow')).toContain('POST');
  });

  it('with a forwarded host gets the configured issuer', async () => {
    const answer = await send(JSON.stringify({ oidc_token: service.subjectToken() }), {
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
      'x-http-method-override': 'GET',
    });
    const [, payload] = (answer.body['access_token'] as string).split('.');
    const { iss } = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { iss: string };
    expect(iss).toBe(`${service.tessera.url}/tenants/acme`);
  });
});

describe('failures', () => {
  const fail = (attempt: Parameters<ExchangeService['exchange']>[0]) => service.exchange(attempt);

  const LIMIT = 20;
  const statusesOf = async (times: number, attempt: () => Promise<Answer>): Promise<number[]> => {
    const statuses: number[] = [];
    for (let count = 0; count < times; count++) statuses.push((await attempt()).status);
    return statuses;
  };
  const TWENTY_THEN_LIMITED = [...Array<number>(LIMIT).fill(401), ...Array<number>(10).fill(429)];

  it.each<[string, () => unknown, string]>([
    ['that are not tokens', () => 'wrong', 'too many failures, per unknown issuer'],
    [
      'of an issuer that nobody trusts',
      () => service.subjectToken({ iss: 'https://elsewhere.example' }),
      'too many failures, per unknown issuer',
    ],
    ['of the trusted issuer, too old', () => service.subjectToken({ exp: 1 }), 'too many failures, per trusted issuer'],
    [
      'of the trusted issuer, for nobody here',
      () => service.subjectToken({ email: 'nobody@acme.example' }),
      'too many failures, per subject',
    ],
  ])('of subject tokens %s: twenty a minute, and a valid one is accepted', async (_which, oidcToken, reason) => {
    const bearer = await service.bearer();
    const attempt = () => fail({ bearer, oidcToken: oidcToken() });
    const rows = service.tessera.auditRows();
    expect(await statusesOf(30, attempt)).toEqual(TWENTY_THEN_LIMITED);
    expect(service.tessera.auditRows()).toBe(rows + LIMIT);
    const limited = await attempt();
    expect(limited.refusal()).toMatchObject({ status: 429, error: 'too_many_requests' });
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(service.tessera.log()).toContain(`"reason":"${reason}"`);
    // The client, another client, and the way to a bearer are not affected.
    expect((await fail({ bearer })).status).toBe(200);
    expect((await fail({ bearer: await service.bearer({ client: 'other' }), oidcToken: oidcToken() })).status).toBe(
      401,
    );
    service.tessera.clock.advanceSeconds(61);
    expect((await attempt()).status).toBe(401);
  });

  it('of invented bearers for a client: twenty a minute, and a valid one is accepted', async () => {
    const bearer = await service.bearer();
    const [header, payload, signature = ''] = bearer.split('.');
    const invented = `${header}.${payload}.${Buffer.from(signature, 'base64url').reverse().toString('base64url')}`;
    expect(await statusesOf(30, () => fail({ bearer: invented }))).toEqual(TWENTY_THEN_LIMITED);
    expect((await fail({ bearer })).status).toBe(200);
  });

  it('of bearers over ever new clients: slowed after two hundred, and a valid one is accepted', async () => {
    const bearer = await service.bearer();
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = JSON.parse(Buffer.from(bearer.split('.')[1]!, 'base64url').toString()) as object;
    const invented = (client: number) =>
      [bearer.split('.')[0], encoded({ ...payload, client_id: `c${client}` }), bearer.split('.')[2]].join('.');
    let client = 0;
    const statuses = await statusesOf(10 * LIMIT + 10, () => fail({ bearer: invented(client++) }));
    expect(statuses).toEqual([...Array<number>(10 * LIMIT).fill(401), ...Array<number>(10).fill(429)]);
    const slowed = await fail({ bearer: invented(client) });
    expect(Number(slowed.headers.get('retry-after'))).toBeLessThanOrEqual(10);
    expect((await fail({ bearer })).status).toBe(200);
    expect((await fail({})).status).toBe(200);
  });

  it('of requests without a bearer do not fill the table', async () => {
    const rows = service.tessera.auditRows();
    const statuses: number[] = [];
    for (let count = 0; count < 30; count++)
      statuses.push((await service.tessera.post(PATH, { oidc_token: 'x' })).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), ...Array.from({ length: 10 }, () => 429)]);
    expect(service.tessera.auditRows()).toBe(rows + 20);
    const limited = await service.tessera.post(PATH, { oidc_token: 'x' });
    expect(Number(limited.headers.get('retry-after'))).toBeLessThanOrEqual(10);
    expect((await fail({})).status).toBe(200);
  });

  it('at once: no more are checked than one after the other', async () => {
    const bearer = await service.bearer();
    const answers = await Promise.all(Array.from({ length: 60 }, () => fail({ bearer, oidcToken: 'wrong' })));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
  });

  it('of an issuer do not count for the caller', async () => {
    const down = await startExchangeService({ failuresPerMinute: 3 });
    await down.provider.stop();
    const bearer = await down.bearer();
    for (let count = 0; count < 8; count++) {
      expect((await down.exchange({ bearer })).status).toBe(503);
      down.tessera.clock.advanceSeconds(1);
    }
    await down.provider.start();
    down.tessera.clock.advanceSeconds(31);
    expect((await down.exchange()).status).toBe(200);
    await down.close();
  });
});

describe('a key that is not known yet', () => {
  it('is not a failed attempt', async () => {
    const rotating = await startExchangeService({ failuresPerMinute: 3 });
    const bearer = await rotating.bearer();
    const token = (key: ProviderSigningKey) => writeSubjectToken({ key, claims: rotating.claims() });
    expect((await rotating.exchange({ bearer, oidcToken: token(rotating.key) })).status).toBe(200);
    expect((await rotating.exchange({ bearer, oidcToken: token(providerKey('invented')) })).status).toBe(401);
    const rotated = providerKey('k2');
    rotating.provider.keys = [rotated.jwk];
    for (let count = 0; count < 10; count++) {
      const answer = await rotating.exchange({ bearer, oidcToken: token(rotated) });
      expect(answer.refusal()).toMatchObject({ status: 503 });
      expect(rotating.tessera.auditRow(answer.requestId)).toMatchObject({ outcome: 'temporarily_unavailable' });
    }
    rotating.tessera.clock.advanceSeconds(30);
    expect((await rotating.exchange({ bearer, oidcToken: token(rotated) })).status).toBe(200);
    await rotating.close();
  });
});

describe('the log', () => {
  it('holds neither token nor address, at debug level', async () => {
    const bearer = await service.bearer();
    const good = service.subjectToken({ email: 'grace@acme.example' });
    const answers = [
      await service.exchange({ bearer, oidcToken: good }),
      await service.exchange({ bearer, oidcToken: good }),
      await service.exchange({ bearer, oidcToken: service.subjectToken({ email: 'marked@acme.example' }) }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 401]);
    const log = service.tessera.log();
    const secrets = [bearer, good, answers[0]!.body['access_token'] as string].map((token) => token.split('.')[2]!);
    for (const canary of [...secrets, 'marked@', 'grace@', 'ada@']) expect(log).not.toContain(canary);
    expect(log).toContain('it was used before');
    expect(answers[1]!.text).not.toContain('used');
  });
});
