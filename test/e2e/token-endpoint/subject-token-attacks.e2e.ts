import {
  ATTACK_TABLE,
  type AttackMaterial,
  goodToken,
  oneCharacterEdits,
  TOLERATED,
} from '../../../libs/token/test/attack-table.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { attackMaterial } from '../../support/requests/attack-material.ts';
import { ACCESS_TOKEN, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** The tokens of an exchange against the attack table. The attacker holds the tenants' real keys. */
let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let material: AttackMaterial;
let own: string;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  material = await attackMaterial(tessera);
  own = tokenOf(await acme.clientCredentials('shop/api'));
});
afterAll(() => tessera.close());

const STOCK = { audience: 'stock-api' };
const PRESENTED = {
  'subject token': (token: string) => acme.exchange('shop/api', token, STOCK),
  'actor token': async (token: string) =>
    acme.exchange('shop/api', goodToken(material), { ...STOCK, actor_token: token, actor_token_type: ACCESS_TOKEN }),
};
/** A service's token may be exchanged like a user's; whether it is a good actor token, the actor token's own tests say. */
const OF_SERVICES = 'the token of a service where persons are accepted';
const rows = ATTACK_TABLE.filter(({ only, name }) => only === undefined && name !== OF_SERVICES);

/** Good tokens that still cannot be exchanged: no new one could end in time, or their chain names clients that the tenant does not have. */
const NOT_EXCHANGEABLE = ['exp 10 s ago', 'act of four actors', 'a root that is not revoked'];

it('accepts the tokens that every attack starts from', async () => {
  expect((await PRESENTED['subject token'](goodToken(material))).status).toBe(200);
  expect((await PRESENTED['actor token'](own)).status).toBe(200);
});

describe.each(Object.keys(PRESENTED) as (keyof typeof PRESENTED)[])('as a %s', (role) => {
  it.each(rows.map((row) => [`${row.target}: ${row.name}`, row] as const))('refuses %s', async (_, { make }) => {
    const token = make(material);
    const answer = await PRESENTED[role](token);
    // Some rows are no form at all, or more than a request may hold.
    const refusals = token === '' ? ['400 invalid_request'] : ['400 invalid_grant', '413 payload_too_large'];
    expect(refusals).toContain(oauthRefusal(answer));
  });
});

const exchangeable = TOLERATED.filter(({ name }) => !NOT_EXCHANGEABLE.includes(name));
it.each(exchangeable.map(({ name, make }) => [name, make] as const))('accepts %s', async (_, make) => {
  expect((await PRESENTED['subject token'](make(material))).status).toBe(200);
});

it('refuses every change of one character', async () => {
  const edits = [...oneCharacterEdits(goodToken(material))];
  // verifyToken, whose verifier it is, has a test with all of them.
  for (const token of edits.filter((_, index) => index % 40 === 0)) {
    const answer = await PRESENTED['subject token'](token);
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
  }
});
