import BetterSqlite3 from 'better-sqlite3';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { CheckpointThread } from './checkpoint-thread.ts';

const MEGABYTE = 1024 * 1024;
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
    { checkpointBytes: MEGABYTE },
  ));
}

const logBytes = () => statSync(`${file}-wal`).size;

/** As a server does: many small commits, between which others get a turn. */
async function write(megabytes: number): Promise<number> {
  const insert = writer.prepare('INSERT INTO rows (text) VALUES (?)');
  let rows = 0;
  for (; rows < megabytes * 1000;) {
    try {
      insert.run(ROW);
      rows += 1;
    } catch (error) {
      // The end of a checkpoint keeps writers out for a moment.
      expect((error as NodeJS.ErrnoException).code).toBe('SQLITE_BUSY');
      await delay(5);
    }
    if (rows % 20 === 0) await delay(1);
  }
  return rows;
}

it('keeps the log small under a constant load of writes, and loses nothing', async () => {
  start();
  await eventually('it starts', () => happened.includes('started'), 10_000);
  let largest = 0;
  const sampling = setInterval(() => (largest = Math.max(largest, logBytes())), 5);
  const rows = await write(30);
  clearInterval(sampling);
  // The log of all these commits has more than 100 MB.
  expect(largest).toBeLessThan(60 * MEGABYTE);
  await eventually('the log ends', () => logBytes() < MEGABYTE, 10_000);
  expect(writer.prepare('SELECT count(*) AS rows FROM rows').get()).toEqual({ rows });
  expect(writer.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(happened).toEqual(['started']);
});

it('does not keep writers out while somebody reads', async () => {
  const reader = new BetterSqlite3(file, { readonly: true });
  reader.exec('BEGIN; SELECT * FROM rows');
  try {
    start();
    await write(3);
    expect(logBytes()).toBeGreaterThan(MEGABYTE);
  } finally {
    reader.close();
  }
  await eventually('the log ends when nobody reads any more', () => logBytes() < MEGABYTE, 10_000);
});

it('fails on a file that is no database', async () => {
  const other = join(folder, 'other');
  writeFileSync(other, 'no database'.repeat(1000));
  start(other);
  await eventually('it fails', () => happened.length > 0, 10_000);
  expect(happened).toEqual(['SQLITE_NOTADB']);
});

it('is silent when it is closed', async () => {
  await start().close();
  expect(happened.filter((event) => event !== 'started')).toEqual([]);
});
