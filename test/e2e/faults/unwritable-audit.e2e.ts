import Database from 'better-sqlite3';
import { join } from 'node:path';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

/** Later than the maximum age of the result. */
async function ready() {
  tessera.clock.advanceSeconds(1);
  const { status, body } = await tessera.get('/readyz');
  return [status, body['down']];
}

function mint() {
  return tessera.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: 'ada@acme.example',
    secret_id: tessera.secret('acme/shop/web'),
  });
}

function onControlDatabase(sql: string): void {
  const database = new Database(join(tessera.config.dataDirectory, 'control.sqlite'));
  database.exec(sql);
  database.close();
}

it('is not ready when the last record could not be written, and ready when one can be, although nobody requests a token', async () => {
  expect((await mint()).status).toBe(200);
  expect(await ready()).toEqual([200, undefined]);
  onControlDatabase(`CREATE TRIGGER no_audit BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no'); END`);
  expect((await mint()).refusal()).toMatchObject({ status: 503 });
  expect(await ready()).toEqual([503, ['audit']]);
  const rows = tessera.auditRows();
  onControlDatabase('DROP TRIGGER no_audit');
  expect(await ready()).toEqual([200, undefined]);
  expect(tessera.auditRows()).toBe(rows);
});
