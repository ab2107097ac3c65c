import { decodeJwt } from 'jose';
import { assertionForm } from '../../../src/testing/caller-fixture.ts';
import { ACCESS_TOKEN, claimsOf, GRANTS, type Parameters } from '../../support/requests/token-endpoint.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/** A client that authenticates by tokens of its platform, which can be shown again. What it gets for one never outlives it, whatever the grant. */
let service: ExchangeService;
beforeAll(async () => {
  service = await startExchangeService();
  const job = {
    id: 'job',
    surfaces: ['user'],
    scopes: 'unbounded',
    subjects: 'any',
    audience: 'shop-api',
    workload: { issuer: 'corp', conditions: { sub: 'job' } },
    service: { roles: ['reader'] },
    exchange: [{ to: 'shop-api', scopes: 'subset' }],
  };
  const issuers = [{ id: 'corp', clients: ['web', 'job'] }];
  const tenants = [{ id: 'acme', issuers, projects: [{ id: 'shop', clients: [job] }] }];
  await service.tessera.apply(JSON.stringify({ apiVersion: 'tessera/v1', tenants }));
});
afterAll(() => service.close());

const inSeconds = (seconds: number) => Math.floor(service.tessera.clock.nowMs() / 1000) + seconds;

/** What each grant takes besides the assertion. By itself it would give a token of ten minutes or more. */
const PARAMETERS: Readonly<Record<string, () => Parameters | Promise<Parameters>>> = {
  client_credentials: () => ({ grant_type: GRANTS.clientCredentials }),
  'a token exchange': async () => ({
    grant_type: GRANTS.tokenExchange,
    subject_token: await service.bearer(),
    subject_token_type: ACCESS_TOKEN,
  }),
  'jwt-bearer': () => ({
    grant_type: GRANTS.jwtBearer,
    assertion: service.subjectToken({ exp: inSeconds(600) }),
  }),
};

const ask = (parameters: Parameters, assertionEnd: number) => {
  const assertion = service.subjectToken({ sub: 'job', exp: assertionEnd });
  return service.tessera.postForm('/tenants/acme/token', { ...assertionForm(assertion, 'shop/job'), ...parameters });
};

it.each(Object.entries(PARAMETERS))('%s gives a workload no token that outlives its assertion', async (_, make) => {
  for (const seconds of [60, 300]) {
    const exp = inSeconds(seconds);
    const answer = await ask(await make(), exp);
    expect([answer.body['expires_in'], claimsOf(answer).exp]).toEqual([seconds, exp]);
  }
});

it('the token that a workload exchanges, or an ID token, may end before its assertion', async () => {
  const exchange = await PARAMETERS['a token exchange']!();
  service.tessera.clock.advanceSeconds(700);
  const { exp } = decodeJwt(exchange['subject_token']!);
  expect(claimsOf(await ask(exchange, inSeconds(600))).exp).toBe(exp);
  const end = inSeconds(90);
  const bearer = { grant_type: GRANTS.jwtBearer, assertion: service.subjectToken({ exp: end }) };
  expect(claimsOf(await ask(bearer, inSeconds(600))).exp).toBe(end);
});
