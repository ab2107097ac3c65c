import BetterSqlite3 from 'better-sqlite3';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  collectingLog,
  embeddedControlPlane,
  storageConfig,
  temporaryFolder,
  tenantDraft,
} from '../../test/support/storage.ts';
import { ControlPlane } from './control-plane.ts';
import { ControlPlaneWriter } from './control-plane.writer.ts';
import { copyDatabase } from './private-copy.ts';

/** Two tables that agree after each transaction. */
const WRITER = `
  import Database from 'better-sqlite3';
  const database = new Database(process.argv[1]);
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 500');
  database.exec('CREATE TABLE one (n INTEGER, text TEXT); CREATE TABLE other (n INTEGER, text TEXT)');
  const [one, other] = ['one', 'other'].map((name) => database.prepare('INSERT INTO ' + name + ' VALUES (?, ?)'));
  const both = database.transaction((n) => {
    one.run(n, 'x'.repeat(200));
    other.run(n, 'y'.repeat(200));
  });
  for (let n = 1; ; n += 1) {
    both(n);
    if (n === 1000) console.log('writing');
  }
`;

describe('a private copy', () => {
  const folder = temporaryFolder();
  const file = join(folder.path, 'control.sqlite');
  afterAll(() => {
    folder.remove();
  });

  /** Names, bytes and times of all files: what "as it was" means. */
  const state = () =>
    readdirSync(folder.path)
      .sort()
      .map((name) => {
        const path = join(folder.path, name);
        return { name, bytes: readFileSync(path).toString('base64'), mtime: statSync(path).mtimeMs };
      });

  it('of a database that is not there is a name of nothing', async () => {
    const copy = await copyDatabase(join(folder.path, 'nothing.sqlite'));
    expect(existsSync(copy.file)).toBe(false);
    expect(statSync(dirname(copy.file)).mode & 0o777).toBe(0o700);
    await copy.remove();
    expect(existsSync(dirname(copy.file))).toBe(false);
  });

  it('has what is still in the write-ahead log, and leaves the original as it is', async () => {
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

  it('is one state of a database that another process writes without a pause, whose log is begun anew again and again', async () => {
    const busy = join(folder.path, 'busy.sqlite');
    const writer = spawn(process.execPath, ['--input-type=module', '-e', WRITER, busy], { stdio: 'pipe' });
    try {
      await once(writer.stdout, 'data');
      const seen = new Set<number>();
      const logs = new Set<string>();
      for (let n = 0; n < 20; n += 1) {
        const copy = await copyDatabase(busy);
        logs.add(readFileSync(`${copy.file}-wal`).subarray(12, 24).toString('hex'));
        const copied = new BetterSqlite3(copy.file);
        expect(copied.pragma('integrity_check', { simple: true })).toBe('ok');
        const counts = copied
          .prepare('SELECT (SELECT MAX(n) FROM one) AS one, (SELECT COUNT(*) FROM other) AS other')
          .get() as { one: number; other: number };
        expect(counts.one).toBe(counts.other);
        seen.add(counts.one);
        copied.close();
        await copy.remove();
      }
      expect(seen.size).toBeGreaterThan(10);
      expect(logs.size).toBeGreaterThan(1);
    } finally {
      writer.kill('SIGKILL');
      await once(writer, 'close');
    }
  });

  it('of the control plane takes changes that the original never sees', async () => {
    const home = temporaryFolder();
    const original = await embeddedControlPlane(home.path);
    await new ControlPlaneWriter(original).saveTenant(tenantDraft('acme'));
    const copy = await ControlPlane.copyOf(storageConfig(home.path), collectingLog().log);
    const writer = new ControlPlaneWriter(copy);
    await writer.saveTenant(tenantDraft('planned'));
    expect((await writer.readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme', 'planned']);
    await copy.close();
    expect((await new ControlPlaneWriter(original).readTenants()).map(({ tenant }) => tenant.id)).toEqual(['acme']);
    await original.close();
    home.remove();
  });

  it('of a control plane that is not there is an empty one, and makes no data directory', async () => {
    const home = temporaryFolder();
    const dataDirectory = join(home.path, 'data');
    const copy = await ControlPlane.copyOf(storageConfig(dataDirectory), collectingLog().log);
    expect(await new ControlPlaneWriter(copy).readTenants()).toEqual([]);
    await copy.close();
    expect(existsSync(dataDirectory)).toBe(false);
    home.remove();
  });
});
