import { join } from 'node:path';
import Database from 'better-sqlite3';
import { MANAGEMENT_AUDIENCE } from '../../../src/domain/audience.ts';
import type { Answer } from '../../support/requests/answer.ts';
import {
  claimsOf,
  GRANTS,
  oauthRefusal,
  type Parameters,
  TokenEndpointUser,
} from '../../support/requests/token-endpoint.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/** No token for the management API, whatever somebody has written into the control database past the rules of the tenants file. */
const CACHE_SECONDS = 2;

let service: ExchangeService;
let acme: TokenEndpointUser;
let adas: string;
beforeAll(async () => {
  service = await startExchangeService({ env: { TESSERA_TENANT_CACHE_SECONDS: String(CACHE_SECONDS) } });
  acme = new TokenEndpointUser(service.tessera);
  adas = await service.bearer();
});
afterAll(() => service.close());

const SCOPES = { scopes: 'subset' };
const LISTED = {
  audiences: [MANAGEMENT_AUDIENCE, 'stock-api'],
  receives: ['shop-api'],
  exchange: [
    { to: MANAGEMENT_AUDIENCE, ...SCOPES },
    { to: 'stock-api', ...SCOPES },
  ],
  service: { roles: [] },
};

function writeClient(audience: string): void {
  const database = new Database(join(service.tessera.config.dataDirectory, 'control.sqlite'));
  database
    .prepare("UPDATE clients SET audience = ?, token_endpoint = ? WHERE tenant_id = 'acme' AND id = 'web'")
    .run(audience, JSON.stringify(LISTED));
  database.close();
  service.tessera.clock.advanceSeconds(CACHE_SECONDS);
}

describe.each<[string, (parameters: Parameters) => Promise<Answer>]>([
  ['client_credentials', (parameters) => acme.clientCredentials('shop/web', parameters)],
  ['a token exchange', (parameters) => acme.exchange('shop/web', adas, parameters)],
  [
    'jwt-bearer',
    (parameters) =>
      acme.request('shop/web', { grant_type: GRANTS.jwtBearer, assertion: service.subjectToken(), ...parameters }),
  ],
])('%s', (_, request) => {
  it.each<[string, string, Parameters]>([
    ['as audience', 'shop-api', { audience: MANAGEMENT_AUDIENCE }],
    ['as resource', 'shop-api', { resource: MANAGEMENT_AUDIENCE }],
    ['by default', MANAGEMENT_AUDIENCE, {}],
  ])('gives no token for the management API %s', async (__, audience, parameters) => {
    writeClient(audience);
    const answer = await request(parameters);
    expect(oauthRefusal(answer)).toBe('400 invalid_target');
    expect(service.tessera.auditReason(answer.requestId)).toBe(
      'the token endpoint issues no tokens for the management API',
    );
  });

  it('still gives tokens for what else is listed', async () => {
    writeClient(MANAGEMENT_AUDIENCE);
    expect(claimsOf(await request({ audience: 'stock-api' }))['aud']).toBe('stock-api');
  });
});
