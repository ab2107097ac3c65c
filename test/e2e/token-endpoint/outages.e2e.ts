import { join } from 'node:path';
import Database from 'better-sqlite3';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
afterAll(() => tessera.close());

function onDatabase(file: string, sql: string): void {
  const database = new Database(join(tessera.config.dataDirectory, file));
  database.exec(sql);
  database.close();
}

it.each([
  [
    'whose record cannot be written',
    'control.sqlite',
    "CREATE TRIGGER no_audit BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no'); END",
    'DROP TRIGGER no_audit',
  ],
  [
    'whose scopes cannot be read',
    join('tenants', 'acme.sqlite'),
    'ALTER TABLE tessera_role_scopes RENAME TO elsewhere',
    'ALTER TABLE elsewhere RENAME TO tessera_role_scopes',
  ],
])('a token %s is a 503 in the form of RFC 6749, and is given after the outage', async (_, file, begin, end) => {
  const adas = await acme.userToken('ada@acme.example');
  const grants = [
    () => acme.clientCredentials('shop/api'),
    () => acme.exchange('shop/api', adas, { audience: 'stock-api' }),
  ];
  onDatabase(file, begin);
  // The maximum age of what is in memory.
  tessera.clock.advanceSeconds(60);
  for (const ask of grants) {
    const answer = await ask();
    expect(oauthRefusal(answer)).toBe('503 temporarily_unavailable');
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  }
  onDatabase(file, end);
  for (const ask of grants) expect((await ask()).status).toBe(200);
});
