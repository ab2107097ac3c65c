import Database from 'better-sqlite3';
import { join } from 'node:path';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { startProcess } from '../../support/servers/process.ts';
import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';

/** A command that is killed between its first record and the end of its change leaves a true record, and the next run completes the change. */
let installation: TestInstallation;
let database: Database.Database;

beforeEach(async () => {
  installation = await TestInstallation.make({ TESSERA_DATA_DIR: 'data', LOG_LEVEL: 'error' });
  await installation.applied(tenantsFile(ACME));
  database = new Database(join(installation.dataDirectory, 'control.sqlite'));
});
afterEach(async () => {
  database.close();
  await installation.remove();
});

/** The command stops for good where it says what it has changed, within the transaction of the change. */
const STOP = `CREATE TRIGGER stop BEFORE INSERT ON audit_records WHEN NEW.outcome = 'changed' BEGIN
  SELECT count(*) FROM (WITH RECURSIVE forever(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM forever) SELECT n FROM forever);
END`;

interface Row {
  readonly outcome: string;
  readonly tenant_id: string | null;
  readonly request_id: string;
}

const rowsOf = (route: string) =>
  database
    .prepare('SELECT outcome, tenant_id, request_id FROM audit_records WHERE route = ? ORDER BY id')
    .all(route) as Row[];

async function killBeforeItsEnd(route: string, args: readonly string[]): Promise<void> {
  const before = rowsOf(route).length;
  database.exec(STOP);
  const command = await startProcess(process.execPath, [builtProgram('cli'), ...args], {
    cwd: installation.folder,
    env: { PATH: process.env['PATH'], ...installation.env },
    ready: () => rowsOf(route).length > before,
  });
  await command.end('SIGKILL');
  expect(command.child.signalCode).toBe('SIGKILL');
  database.exec('DROP TRIGGER stop');
}

const count = (table: string) =>
  (database.prepare(`SELECT count(*) AS rows FROM ${table}`).get() as { readonly rows: number }).rows;

it.each([
  [
    'apply',
    async () => ['apply', '-f', await installation.write('tenants.yaml', tenantsFile(GLOBEX))],
    () => count('tenants') - 1,
    'globex',
  ],
  ['revoke', () => Promise.resolve(['revoke', '--subject', 'acme/u-ada']), () => count('revocations'), 'acme'],
] as const)('%s', async (command, argsOf, changed, tenant) => {
  const route = `cli:${command}`;
  const earlier = rowsOf(route).length;
  const args = await argsOf();
  await killBeforeItsEnd(route, args);
  expect(rowsOf(route).slice(earlier)).toMatchObject([{ outcome: 'started', tenant_id: tenant }]);
  expect(changed()).toBe(0);

  const again = await installation.run(args);
  expect(`${again.code} ${again.stderr}`).toMatch(/^0 /);
  expect(changed()).toBe(1);
  const [killed, started, ended, ...more] = rowsOf(route).slice(earlier);
  expect([started, ended]).toMatchObject([
    { outcome: 'started', tenant_id: tenant },
    { outcome: 'changed', tenant_id: tenant, request_id: started?.request_id },
  ]);
  expect(started?.request_id).not.toBe(killed?.request_id);
  // A new tenant's users and clients have records of their own.
  for (const row of more) expect(row).toMatchObject({ outcome: 'changed', request_id: started?.request_id });
});
