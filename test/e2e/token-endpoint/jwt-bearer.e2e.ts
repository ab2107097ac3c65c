import { claimsOf, GRANTS, oauthRefusal, type Parameters } from '../../support/requests/token-endpoint.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';
import type { HostileProvider } from '../../../src/testing/hostile-provider.ts';

let service: ExchangeService;
/** Trusted by acme for the surface of administrators only. */
let ofAdmins: HostileProvider;
beforeAll(async () => {
  service = await startExchangeService({ providers: 1 });
  ofAdmins = service.next();
  const { provider, elsewhere } = service;
  await service.tessera.apply(
    tenantsWithTrusts(
      trustOf('corp', provider.issuer) + trustOf('spare-0', ofAdmins.issuer, { surfaces: '[admin]' }),
      trustOf('theirs', elsewhere.issuer),
    ),
  );
});
afterAll(() => service.close());

const ask = (assertion: string, parameters: Parameters = {}, client = 'shop/web') =>
  service.tessera.postForm(
    '/tenants/acme/token',
    { grant_type: GRANTS.jwtBearer, assertion, ...parameters },
    basic(client, service.tessera.secret(`acme/${client}`)),
  );

describe('jwt-bearer', () => {
  it('gives a token for a user who has logged in at an identity provider', async () => {
    const answer = await ask(service.subjectToken());
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      expires_in: 300,
      token_type: 'Bearer',
      scope: 'orders:read',
    });
    const claims = claimsOf(answer);
    expect(claims).toMatchObject({
      sub: 'u-grace',
      surface: 'user',
      email_id: 'grace@acme.example',
      aud: 'shop-api',
      client_id: 'web',
      idp: service.provider.issuer,
    });
    // Nobody acts for the user: the client has authenticated by its own credentials.
    expect(claims).not.toHaveProperty('act');
    expect(claims).not.toHaveProperty('root');
  });

  it('redeems each assertion once, there and at oidcToken', async () => {
    const [here, there] = [service.subjectToken(), service.subjectToken()];
    expect((await ask(here)).status).toBe(200);
    const again = await ask(here);
    expect(oauthRefusal(again)).toBe('400 invalid_grant');
    expect(service.tessera.auditReason(again.requestId)).toBe('the subject token is refused: it was used before');
    expect((await service.exchange({ oidcToken: here })).status).toBe(401);
    expect((await service.exchange({ oidcToken: there })).status).toBe(200);
    expect(oauthRefusal(await ask(there))).toBe('400 invalid_grant');
  });

  it('gives exactly one token for an assertion that is presented ten times at once', async () => {
    const assertion = service.subjectToken();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(assertion)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(400)]);
  });

  it('does not outlive the assertion', async () => {
    const exp = Math.floor(service.tessera.clock.nowMs() / 1000) + 60;
    const answer = await ask(service.subjectToken({ exp }));
    expect([answer.body['expires_in'], claimsOf(answer).exp]).toEqual([60, exp]);
  });

  it('narrows the token as it is asked', async () => {
    expect(oauthRefusal(await ask(service.subjectToken(), { scope: 'orders:write' }))).toBe('400 invalid_scope');
    expect((await ask(service.subjectToken(), { scope: 'orders:read' })).body['scope']).toBe('orders:read');
    expect(oauthRefusal(await ask(service.subjectToken(), { audience: 'stock-api' }))).toBe('400 invalid_target');
  });

  it('does not use up an assertion that it refuses', async () => {
    const assertion = service.subjectToken();
    expect(oauthRefusal(await ask(assertion, { scope: 'orders:write' }))).toBe('400 invalid_scope');
    expect((await ask(assertion)).status).toBe(200);
  });

  it.each<[string, () => string, string]>([
    [
      'of an issuer that only another tenant trusts',
      () => service.subjectToken({}, service.elsewhere),
      'this tenant does not trust its issuer',
    ],
    [
      'of an issuer that is trusted for administrators only',
      () => service.subjectToken({}, ofAdmins),
      'its issuer is not trusted for this surface',
    ],
    ['for another audience', () => service.subjectToken({ aud: 'other' }), 'it is for another audience'],
    [
      'that does not meet the conditions',
      () => service.subjectToken({ hd: 'elsewhere' }),
      'it does not meet the condition on "hd"',
    ],
    [
      'of an address that is not verified',
      () => service.subjectToken({ email_verified: false }),
      'its e-mail address is not verified',
    ],
    [
      'that has expired',
      () => service.subjectToken({ exp: Math.floor(service.tessera.clock.nowMs() / 1000) - 1 }),
      'it has expired',
    ],
    ['that is opaque', () => 'opaque', 'it is malformed'],
  ])('refuses an assertion %s', async (_, make, reason) => {
    const answer = await ask(make());
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    expect(answer.body['error_description']).toBe(
      'The presented token or assertion is not valid here, or its subject may not have a token.',
    );
    expect(service.tessera.auditReason(answer.requestId)).toBe(`the subject token is refused: ${reason}`);
  });

  it('refuses a token of this service as an assertion', async () => {
    const answer = await ask(await service.bearer());
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    expect(service.tessera.auditReason(answer.requestId)).toBe('the subject token is refused: it is one of ours');
  });

  it('refuses a user who is disabled, and one whom the directory does not have', async () => {
    for (const email of ['bob@acme.example', 'nobody@acme.example'])
      expect(oauthRefusal(await ask(service.subjectToken({ email })))).toBe('400 invalid_grant');
  });

  it('refuses a client that the issuer is not trusted for', async () => {
    const answer = await ask(service.subjectToken(), {}, 'shop/other');
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    expect(service.tessera.auditReason(answer.requestId)).toBe(
      'the subject token is refused: its issuer is not trusted for this client',
    );
  });

  it('asks no identity provider anything for a caller that has not authenticated', async () => {
    const before = service.connections();
    const answer = await service.tessera.postForm(
      '/tenants/acme/token',
      { grant_type: GRANTS.jwtBearer, assertion: service.subjectToken() },
      basic('shop/web', 'wrong'),
    );
    expect(oauthRefusal(answer)).toBe('401 invalid_client');
    expect(service.connections()).toBe(before);
  });

  it('is recorded with its grant', async () => {
    const { details, subject_id: subject } = service.tessera.auditRow((await ask(service.subjectToken())).requestId);
    expect([subject, JSON.parse(details as string)]).toEqual([
      'u-grace',
      { grant: GRANTS.jwtBearer, audience: 'shop-api' },
    ]);
  });
});
