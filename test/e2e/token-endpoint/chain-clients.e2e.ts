import { join } from 'node:path';
import Database from 'better-sqlite3';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** `web` got the first token, `relay` of another project exchanged it, then `stock`. */
const BACK_WEB = '          - { id: web, surfaces: [user], audience: back-api';
const RELAY =
  '          - { id: relay, surfaces: [user], scopes: unbounded, subjects: any, audience: shop-api, exchange: [{ to: stock-api, scopes: subset }] }';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeEach(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants({ [BACK_WEB]: `${RELAY}\n${BACK_WEB}` }) });
  acme = new TokenEndpointUser(tessera);
});
afterEach(() => tessera.close());

const EXCHANGES = {
  root: (token: string) => acme.exchange('back/relay', token, { audience: 'stock-api' }),
  child: (token: string) => acme.exchange('shop/stock', token, { audience: 'ledger-api' }),
  grandchild: (token: string) => acme.exchange('shop/ledger', token, { audience: 'vault-api' }),
};

async function exchangedTokens() {
  const child = tokenOf(await EXCHANGES.root(await acme.userToken('ada@acme.example')));
  return { child, grandchild: tokenOf(await EXCHANGES.child(child)) };
}

const command = (line: string) => async () => {
  await tessera.cli(line.split(' '));
  await tessera.caughtUp();
};
const disableProject = (id: string) => async () => {
  const tenants = [{ id: 'acme', projects: [{ id, status: 'disabled' }] }];
  await tessera.apply(JSON.stringify({ apiVersion: 'tessera/v1', tenants }));
};
/** As whoever has the database can do it. The command also revokes the client's tokens. */
const deleteRow = (project: string, client: string) => () => {
  const database = new Database(join(tessera.config.dataDirectory, 'control.sqlite'));
  database.prepare("DELETE FROM clients WHERE tenant_id = 'acme' AND project_id = ? AND id = ?").run(project, client);
  database.close();
  // The maximum age of a tenant in memory.
  tessera.clock.advanceSeconds(60);
};

const DISABLED = 'subject token: a client of its chain is disabled';
const MISSING = 'subject token: a client of its chain is no more';
const REVOKED = 'subject token: the token was revoked';

it.each<[string, () => unknown, string]>([
  ['the client of the first token is disabled', command('client disable acme/shop/web'), DISABLED],
  ['the client of the first token is removed', command('client remove acme/shop/web'), REVOKED],
  ['the client of the first token is missing', deleteRow('shop', 'web'), MISSING],
  ['the client of the first exchange is disabled', command('client disable acme/back/relay'), DISABLED],
  ['the client of the first exchange is removed', command('client remove acme/back/relay'), REVOKED],
  ['the client of the first exchange is missing', deleteRow('back', 'relay'), MISSING],
  ['the project of the first exchange is disabled', disableProject('back'), DISABLED],
])('no token of a chain is exchanged when %s', async (_, change, reason) => {
  const tokens = await exchangedTokens();
  await change();
  for (const name of ['child', 'grandchild'] as const) {
    const answer = await EXCHANGES[name](tokens[name]);
    const refusal = [name, oauthRefusal(answer), tessera.auditReason(answer.requestId)];
    expect(refusal).toEqual([name, '400 invalid_grant', reason]);
  }
});

it.each<[string, () => unknown]>([
  ['nothing has changed', () => undefined],
  ['a client outside the chain is disabled', command('client disable acme/shop/api')],
  ['the client of that id in another project is disabled', command('client disable acme/back/web')],
  [
    'a client is active again',
    async () => {
      await command('client disable acme/back/relay')();
      await command('client enable acme/back/relay')();
    },
  ],
])('each token of a chain is exchanged when %s', async (_, change) => {
  const tokens = await exchangedTokens();
  await change();
  for (const name of ['child', 'grandchild'] as const)
    expect([name, (await EXCHANGES[name](tokens[name])).status]).toEqual([name, 200]);
});
