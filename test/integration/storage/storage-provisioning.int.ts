import { setTimeout as delay } from 'node:timers/promises';
import { DirectoryOpener } from '../../../src/directory/provisioning/directory.opener.ts';
import { OperatorError } from '../../../src/errors/operator-error.ts';
import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { ControlPlaneWriter } from '../../../src/provisioning/apply/control-plane.writer.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { changesOf } from '../../conformance/directory.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { mysqlConfig, placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { startProcess } from '../../support/servers/process.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { collectingLog, storageConfig, temporaryFolder, tenantDraft } from '../../../src/testing/storage.ts';
import { SMALL_DIRECTORY } from '../../../src/testing/embedded-directory.ts';
import { provisionDirectory, tenantOn } from '../../support/fixtures/tenant-directories.ts';

const folder = temporaryFolder();
const vault = new EmbeddedVault(folder.path);
const opener = new DirectoryOpener(storageConfig(folder.path), vault);
let server: RunningMariaDb;

beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(async () => {
  await server.close();
  await vault.close();
  folder.remove();
});

const tenant = (id: string) => tenantOn(server, server.port, id);

describe('a tenant database that does not exist', () => {
  it('is created when the credentials allow it', async () => {
    await server.sql("CREATE USER maker@'%' IDENTIFIED BY 'maker'", "GRANT ALL ON *.* TO maker@'%'");
    await placeCredentials(vault, 'made', { username: 'maker', password: 'maker' });
    const writer = await opener.open(tenant('made'));
    expect(await writer.migrate()).toHaveLength(2);
    await writer.close();
  });

  it('is an error with the SQL for its administrator otherwise, and that SQL creates it', async () => {
    await server.sql("CREATE USER poor@'%' IDENTIFIED BY 'poor'");
    await placeCredentials(vault, 'refused', { username: 'poor', password: 'poor' });
    const error: unknown = await opener.open(tenant('refused')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OperatorError);
    const [, ...statements] = (error as Error).message.split('\n');
    expect(statements).toEqual([
      '  CREATE DATABASE IF NOT EXISTS `d_refused` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;',
      "  GRANT ALL PRIVILEGES ON `d_refused`.* TO 'poor'@'%';",
    ]);
    await server.sql(...statements);
    const writer = await opener.open(tenant('refused'));
    expect(await writer.migrate()).toHaveLength(2);
    await writer.close();
  });

  it('is reported missing by a dry run', async () => {
    await placeCredentials(vault, 'none', { username: 'maker', password: 'maker' });
    expect(await opener.openForReading(tenant('none'))).toBeUndefined();
    expect(await server.sql("SHOW DATABASES LIKE 'd_none'")).toEqual([]);
  });

  it('never gets a name that contains SQL', async () => {
    await placeCredentials(vault, 'evil', { username: 'maker', password: 'maker' });
    const database = {
      driver: 'mysql',
      host: server.host,
      port: server.port,
      name: 'x`; DROP DATABASE d_made; --',
    } as const;
    await expect(opener.open({ ...tenant('evil'), database })).rejects.toThrow(OperatorError);
    expect(await server.sql("SHOW DATABASES LIKE 'd_made'")).toHaveLength(1);
  });

  it('is not reported with SQL when the password is wrong', async () => {
    await placeCredentials(vault, 'wrong', { username: 'poor', password: 'not it' });
    expect((await refusalOf(opener.open(tenant('wrong')))).reason).toBe('tenant database: access denied');
  });

  it('needs credentials in Vault, and the error names the path', async () => {
    await expect(opener.open(tenant('nowhere'))).rejects.toThrow(/database\/nowhere/);
  });
});

it('a dry run on a server reads the current state', async () => {
  await provisionDirectory(server, vault, 'read');
  const reading = await opener.openForReading(tenant('read'));
  expect(await reading?.read()).toEqual(SMALL_DIRECTORY);
  await reading?.close();
});

it('a person whom SQL is changing is not overwritten', async () => {
  await provisionDirectory(server, vault, 'raced');
  const writer = await opener.open(tenant('raced'));
  const users = [{ ...SMALL_DIRECTORY.users[0]!, status: 'disabled' as const }];
  const byHand = server.sql(
    'START TRANSACTION',
    "INSERT INTO d_raced.tessera_user_roles (user_id, role_name) VALUES ('u-ada', 'reader')",
    "SELECT SLEEP(1), 'raced'",
    'COMMIT',
  );
  const isInserted = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(1), %raced%'";
  while ((await server.sql(isInserted)).length === 0) await delay(10);
  await expect(writer.apply(changesOf({ users: { put: users, remove: [] } }, SMALL_DIRECTORY))).rejects.toThrow(
    'user raced/u-ada was changed in the tenant',
  );
  await byHand;
  expect((await writer.read()).users).toEqual([{ ...SMALL_DIRECTORY.users[0], roles: ['reader'] }]);
  await writer.close();
});

it('one process at a time applies, and a killed one leaves no lock', async () => {
  await server.sql('CREATE DATABASE locked');
  const config = mysqlConfig(server, 'locked', folder.path);
  await withApplyLock(config, async (assertHeld) => {
    await expect(withApplyLock(config, () => Promise.resolve(), 0)).rejects.toThrow(OperatorError);
    await assertHeld();
    // The lock is released with its connection, as when a process is killed.
    const [row] = await server.sql(
      "SELECT id FROM information_schema.processlist WHERE db = 'locked' AND command = 'Sleep' ORDER BY id LIMIT 1",
    );
    await server.sql(`KILL ${String(row?.['id'])}`);
    await withApplyLock(config, () => Promise.resolve());
    // The previous holder notices this before its next change.
    await expect(assertHeld()).rejects.toThrow(/connection that held the lock on this installation was lost/);
  });
});

it.each([0, 5, 10, 20, 40, 60, 80, 120, 200])('a migration killed after %i ms is completed by the next', async (ms) => {
  const name = `killed_${ms}`;
  await server.sql(`CREATE DATABASE c_${name}`);
  await server.createTenantDatabase(`d_${name}`);
  await placeCredentials(vault, name, { username: `d_${name}`, password: `d_${name}-password` });
  const migrating = await startProcess(
    process.execPath,
    [
      '--import',
      './scripts/typescript.mjs',
      'test/support/tessera/migrate-until-killed.ts',
      String(server.port),
      server.rootPassword,
      `c_${name}`,
      folder.path,
      name,
    ],
    { cwd: REPOSITORY, ready: (running) => running.output().includes('migrating') },
  );
  await delay(ms);
  await migrating.end('SIGKILL');

  const controlPlane = createControlPlane(mysqlConfig(server, `c_${name}`, folder.path), collectingLog().log);
  await controlPlane.migrate();
  const writer = new ControlPlaneWriter(controlPlane);
  expect(await writer.saveTenant(tenantDraft('acme'))).toBe(1);
  await controlPlane.close();
  await provisionDirectory(server, vault, name);
  const reading = await opener.openForReading(tenant(name));
  expect(await reading?.read()).toEqual(SMALL_DIRECTORY);
  await reading?.close();
});
