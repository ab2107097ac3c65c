import BetterSqlite3 from 'better-sqlite3';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { logSequence } from '../../testing/sqlite-log.ts';
import { CheckpointThread } from './checkpoint-thread.ts';

const ROW = 'x'.repeat(1000);

let folder: string;
let file: string;
let writer: BetterSqlite3.Database;
let thread: CheckpointThread | undefined;
let happened: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  file = join(folder, 'a.sqlite');
  writer = new BetterSqlite3(file);
  writer.pragma('journal_mode = WAL');
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec('CREATE TABLE rows (text TEXT)');
  happened = [];
});
afterEach(async () => {
  await thread?.close();
  thread = undefined;
  writer.close();
  rmSync(folder, { recursive: true });
});

function start(path = file): CheckpointThread {
  return (thread = new CheckpointThread(
    path,
    { started: () => happened.push('started'), failed: (reason) => happened.push(reason) },
    { checkpointPages: 250 },
  ));
}

interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

function isMoved(): boolean {
  const [{ log, checkpointed }] = writer.pragma('wal_checkpoint(NOOP)') as [LogState];
  return log === checkpointed || log < 250;
}

/** As a server does: many small commits, between which others get a turn. */
async function write(megabytes: number): Promise<{ rows: number; refusals: number }> {
  const insert = writer.prepare('INSERT INTO rows (text) VALUES (?)');
  let [rows, refusals] = [0, 0];
  while (rows < megabytes * 1000) {
    try {
      insert.run(ROW);
      rows += 1;
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('SQLITE_BUSY');
      refusals += 1;
    }
    if (rows % 20 === 0 || refusals > 0) await delay(1);
  }
  return { rows, refusals };
}

it('ends the log again and again under a constant load of writes, and loses nothing', async () => {
  start();
  await eventually('it starts', () => happened.includes('started'));
  const sequence = logSequence(file);
  let rows = 0;
  // How large the log is when it ends depends on when the thread gets a processor.
  while (logSequence(file) < sequence + 3) rows += (await write(0.2)).rows;
  await eventually('the log is in the database', isMoved);
  expect(writer.prepare('SELECT count(*) AS rows FROM rows').get()).toEqual({ rows });
  expect(writer.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(happened).toEqual(['started']);
});

it('ends a log without keeping writers out', async () => {
  writer.pragma('busy_timeout = 0');
  start();
  await eventually('it starts', () => happened.includes('started'));
  // Where writers are faster than the disk, they are kept out at the end.
  await eventually('a log ended, and nobody noticed', async () => {
    const before = logSequence(file);
    const { refusals } = await write(0.2);
    return refusals === 0 && logSequence(file) > before;
  });
});

it('leaves the log to a reader of its old pages', async () => {
  writer.pragma('busy_timeout = 0');
  const reader = new BetterSqlite3(file, { readonly: true });
  reader.exec('BEGIN; SELECT * FROM rows');
  try {
    start();
    await eventually('it starts', () => happened.includes('started'));
    expect(await write(3)).toMatchObject({ refusals: 0 });
    expect(isMoved()).toBe(false);
  } finally {
    reader.close();
  }
  await eventually('the log is in the database when nobody reads any more', isMoved);
});

it('fails on a file that is no database', async () => {
  const other = join(folder, 'other');
  writeFileSync(other, 'no database'.repeat(1000));
  start(other);
  await eventually('it fails', () => happened.length > 0);
  expect(happened).toEqual(['SQLITE_NOTADB']);
});

it('is silent when it is closed', async () => {
  await start().close();
  expect(happened.filter((event) => event !== 'started')).toEqual([]);
});
