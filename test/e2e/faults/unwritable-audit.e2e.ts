import Database from 'better-sqlite3';
import { join } from 'node:path';
import { startTessera, type TestDesk } from '../../support/tessera.ts';

let desk: TestDesk;
beforeAll(async () => {
  desk = await startTessera();
});
afterAll(() => desk.close());

/** Past the time for which an answer holds. */
async function ready() {
  desk.clock.advanceSeconds(1);
  const { status, body } = await desk.get('/readyz');
  return [status, body['down']];
}

function mint() {
  return desk.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: 'ada@acme.example',
    secret_id: desk.secret('acme/shop/web'),
  });
}

function onControlDatabase(sql: string): void {
  const database = new Database(join(desk.config.dataDirectory, 'control.sqlite'));
  database.exec(sql);
  database.close();
}

it('is not ready when the last record could not be written, and ready when one can be, though nobody asks for a token', async () => {
  expect((await mint()).status).toBe(200);
  expect(await ready()).toEqual([200, undefined]);
  onControlDatabase(`CREATE TRIGGER no_audit BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no'); END`);
  expect((await mint()).refusal()).toMatchObject({ status: 503 });
  expect(await ready()).toEqual([503, ['audit']]);
  const rows = desk.auditRows();
  onControlDatabase('DROP TRIGGER no_audit');
  expect(await ready()).toEqual([200, undefined]);
  expect(desk.auditRows()).toBe(rows);
});
