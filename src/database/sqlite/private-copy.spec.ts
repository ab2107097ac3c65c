import BetterSqlite3 from 'better-sqlite3';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  collectingLog,
  embeddedControlPlane,
  storageConfig,
  temporaryFolder,
  tenantDraft,
} from '../../testing/storage.ts';
import { ControlPlane } from '../../control-plane/control-plane.ts';
import { ControlPlaneWriter } from '../../provisioning/apply/control-plane.writer.ts';
import { refusalOf } from '../../testing/refusal.ts';
import { logSequence } from '../../testing/sqlite-log.ts';
import { copyDatabase } from './private-copy.ts';

/** Writes two tables that agree after each transaction and stay small, and a number of megabytes that make the copy slow. */
const WRITER = `
  import Database from 'better-sqlite3';
  const [file, pages, megabytes] = process.argv.slice(1);
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE bulk (bytes BLOB)');
  for (let n = 0; n < Number(megabytes); n += 1) database.exec('INSERT INTO bulk VALUES (zeroblob(1000000))');
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.pragma('wal_autocheckpoint = ' + pages);
  database.exec('CREATE TABLE one (n INTEGER PRIMARY KEY, text TEXT); CREATE TABLE other (n INTEGER PRIMARY KEY, text TEXT)');
  const [one, other] = ['one', 'other'].map((name) => database.prepare('INSERT INTO ' + name + ' VALUES (?, ?)'));
  const removals = ['one', 'other'].map((name) => database.prepare('DELETE FROM ' + name + ' WHERE n <= ?'));
  const both = database.transaction((n) => {
    one.run(n, 'x'.repeat(200));
    other.run(n, 'y'.repeat(200));
    for (const removal of removals) removal.run(n - 1000);
  });
  for (let n = 1; ; n += 1) {
    both(n);
    if (n === 1000) console.log('writing');
  }
`;

async function startWriter(file: string, checkpointPages: number, megabytes: number) {
  const script = ['--input-type=module', '-e', WRITER];
  const writer = spawn(process.execPath, [...script, file, `${checkpointPages}`, `${megabytes}`], { stdio: 'pipe' });
  await once(writer.stdout, 'data');
  return writer;
}

/** The last transaction in the copy. Fails if the copy is not one consistent state. */
function transactionsIn(file: string): number {
  const copied = new BetterSqlite3(file);
  expect(copied.pragma('integrity_check', { simple: true })).toBe('ok');
  const last = copied
    .prepare(
      'SELECT one.n, other.n AS other, rows, others FROM (SELECT MAX(n) AS n, COUNT(*) AS rows FROM one) one, (SELECT MAX(n) AS n, COUNT(*) AS others FROM other) other',
    )
    .get() as { n: number; other: number; rows: number; others: number };
  copied.close();
  expect(last).toEqual({ n: last.n, other: last.n, rows: 1000, others: 1000 });
  return last.n;
}

describe('a private copy', () => {
  const folder = temporaryFolder();
  const file = join(folder.path, 'control.sqlite');
  afterAll(() => {
    folder.remove();
  });

  /** Names, bytes and times of all files. */
  const state = () =>
    readdirSync(folder.path)
      .sort()
      .map((name) => {
        const path = join(folder.path, name);
        return { name, bytes: readFileSync(path).toString('base64'), mtime: statSync(path).mtimeMs };
      });

  it('of a missing database is the name of a file that does not exist', async () => {
    const copy = await copyDatabase(join(folder.path, 'nothing.sqlite'));
    expect(existsSync(copy.file)).toBe(false);
    expect(statSync(dirname(copy.file)).mode & 0o777).toBe(0o700);
    await copy.remove();
    expect(existsSync(dirname(copy.file))).toBe(false);
  });

  it('includes the write-ahead log, and leaves the original unchanged', async () => {
    const writer = new BetterSqlite3(file);
    writer.pragma('journal_mode = WAL');
    writer.exec("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('in the log')");
    try {
      expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
      const before = state();
      const copy = await copyDatabase(file);
      const copied = new BetterSqlite3(copy.file);
      expect(copied.prepare('SELECT x FROM t').all()).toEqual([{ x: 'in the log' }]);
      copied.close();
      await copy.remove();
      expect(state()).toEqual(before);
    } finally {
      writer.close();
    }
  });

  it('is one consistent state while another process writes without a pause and its log restarts again and again', async () => {
    const busy = join(folder.path, 'busy.sqlite');
    const writer = await startWriter(busy, 500, 0);
    try {
      const seen = new Set<number>();
      const logs = new Set<number>();
      // How often the log restarts during one copy is up to the machine, and with it whether the files are copied or SQLite's backup is used.
      while (seen.size < 20 || logs.size < 2) {
        logs.add(logSequence(busy));
        const copy = await copyDatabase(busy);
        seen.add(transactionsIn(copy.file));
        await copy.remove();
      }
    } finally {
      writer.kill('SIGKILL');
      await once(writer, 'close');
    }
  });

  it('is one consistent state of a large database whose log restarts faster than a copy takes', async () => {
    const large = join(folder.path, 'large.sqlite');
    const writer = await startWriter(large, 1, 20);
    try {
      const names = readdirSync(folder.path);
      const seen = new Set<number>();
      for (let n = 0; n < 2; n += 1) {
        const copy = await copyDatabase(large);
        seen.add(transactionsIn(copy.file));
        await copy.remove();
      }
      expect(seen.size).toBe(2);
      expect(readdirSync(folder.path)).toEqual(names);
    } finally {
      writer.kill('SIGKILL');
      await once(writer, 'close');
    }
  });

  it('is not made of a control plane that another process has open, which is read and never written', async () => {
    const home = temporaryFolder();
    const original = await embeddedControlPlane(home.path);
    await new ControlPlaneWriter(original).saveTenant(tenantDraft('acme'));
    const files = readdirSync(home.path);
    const live = await ControlPlane.forReading(storageConfig(home.path), collectingLog().log);
    const writer = new ControlPlaneWriter(live);
    expect((await writer.readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme']);
    expect((await refusalOf(writer.saveTenant(tenantDraft('planned')))).reason).toBe('control database: read only');
    await new ControlPlaneWriter(original).saveTenant(tenantDraft('beta'));
    expect((await writer.readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme', 'beta']);
    await live.close();
    expect(readdirSync(home.path)).toEqual(files);
    await original.close();
    home.remove();
  });

  it('is not made of a large control plane, and its folder is as before', async () => {
    const home = temporaryFolder();
    const original = await embeddedControlPlane(home.path);
    await new ControlPlaneWriter(original).saveTenant(tenantDraft('acme'));
    await original.close();
    // SQLite ignores what follows the database's last page.
    truncateSync(join(home.path, 'control.sqlite'), 65 * 1024 * 1024);
    const files = readdirSync(home.path);
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = join(home.path, 'no-room-for-a-copy');
    const live = await ControlPlane.forReading(storageConfig(home.path), collectingLog().log).finally(() => {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    });
    expect((await new ControlPlaneWriter(live).readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme']);
    await live.close();
    expect(readdirSync(home.path)).toEqual(files);
    home.remove();
  });

  it('of the control plane accepts changes that the original never sees', async () => {
    const home = temporaryFolder();
    const original = await embeddedControlPlane(home.path);
    await new ControlPlaneWriter(original).saveTenant(tenantDraft('acme'));
    await original.close();
    const copy = await ControlPlane.forReading(storageConfig(home.path), collectingLog().log);
    const writer = new ControlPlaneWriter(copy);
    await writer.saveTenant(tenantDraft('planned'));
    expect((await writer.readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme', 'planned']);
    await copy.close();
    const again = await embeddedControlPlane(home.path);
    expect((await new ControlPlaneWriter(again).readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme']);
    await again.close();
    home.remove();
  });

  it('of a missing control plane is empty, and creates no data directory', async () => {
    const home = temporaryFolder();
    const dataDirectory = join(home.path, 'data');
    const copy = await ControlPlane.forReading(storageConfig(dataDirectory), collectingLog().log);
    expect(await new ControlPlaneWriter(copy).readTenants()).toEqual([]);
    await copy.close();
    expect(existsSync(dataDirectory)).toBe(false);
    home.remove();
  });
});
