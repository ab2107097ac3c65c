import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { eventually } from '../../libs/token/test/eventually.ts';
import { collectingLog, storageConfig, temporaryFolder } from '../testing/storage.ts';
import { ControlCheckpoints } from './control-checkpoints.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const folder = temporaryFolder();
afterAll(() => {
  folder.remove();
});

const pagesOf = async (controlPlane: ControlPlane) =>
  (await controlPlane.query('PRAGMA wal_autocheckpoint'))[0]?.['wal_autocheckpoint'];

const MEGABYTE = 1024 * 1024;

async function fillLog(controlPlane: ControlPlane): Promise<void> {
  await controlPlane.query('CREATE TABLE filling (bytes BLOB)');
  await controlPlane.query('INSERT INTO filling VALUES (zeroblob(?))', [5 * MEGABYTE]);
}

it('starts no thread while little is written', async () => {
  const config = storageConfig(join(folder.path, 'quiet'));
  const { log } = collectingLog();
  const controlPlane = await startControlPlane(config, log);
  const checkpoints = new ControlCheckpoints(controlPlane, config, log);
  checkpoints.onApplicationBootstrap();
  await delay(600);
  expect(await pagesOf(controlPlane)).toBe(4000);
  await checkpoints.onModuleDestroy();
  await controlPlane.close();
});

it('leaves checkpoints to the thread, which ends first', async () => {
  const config = storageConfig(join(folder.path, 'data'));
  const { log, lines } = collectingLog();
  const controlPlane = await startControlPlane(config, log);
  const checkpoints = new ControlCheckpoints(controlPlane, config, log);
  expect(await pagesOf(controlPlane)).toBe(4000);
  checkpoints.onApplicationBootstrap();
  await fillLog(controlPlane);
  await eventually('the thread has started', async () => (await pagesOf(controlPlane)) === 16_000);
  await checkpoints.onModuleDestroy();
  await controlPlane.close();
  expect(lines).toEqual([]);
});

it('makes them itself without the thread, and says so', async () => {
  const config = storageConfig(join(folder.path, 'real'));
  const { log, lines } = collectingLog();
  const controlPlane = await startControlPlane(config, log);
  await controlPlane.query('PRAGMA wal_autocheckpoint = 16000');
  const damaged = join(folder.path, 'damaged');
  mkdirSync(damaged);
  writeFileSync(join(damaged, 'control.sqlite'), 'no database'.repeat(1000));
  writeFileSync(join(damaged, 'control.sqlite-wal'), Buffer.alloc(8 * MEGABYTE));
  const checkpoints = new ControlCheckpoints(controlPlane, storageConfig(damaged), log);
  checkpoints.onApplicationBootstrap();
  await eventually('it makes checkpoints', async () => (await pagesOf(controlPlane)) === 4000);
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { event: 'checkpoint_thread_failed', reason: 'SQLITE_NOTADB' },
  ]);
  await checkpoints.onModuleDestroy();
  await controlPlane.close();
});

it('makes them itself when the thread ends in the middle, and the log stays bounded', async () => {
  const config = storageConfig(join(folder.path, 'ended'));
  const { log, lines } = collectingLog();
  const controlPlane = await startControlPlane(config, log);
  const checkpoints = new ControlCheckpoints(controlPlane, config, log);
  const threads = import.meta.jest.spyOn(Worker.prototype, 'unref');
  checkpoints.onApplicationBootstrap();
  await fillLog(controlPlane);
  await eventually('the thread has started', async () => (await pagesOf(controlPlane)) === 16_000);
  const file = join(folder.path, 'ended', 'control.sqlite-wal');
  await (threads.mock.contexts[0] as Worker).terminate();
  threads.mockRestore();
  await eventually('it makes checkpoints', async () => (await pagesOf(controlPlane)) === 4000);
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { event: 'checkpoint_thread_failed', reason: 'it ended' },
  ]);
  for (let megabyte = 0; megabyte < 60; megabyte += 1)
    await controlPlane.query('UPDATE filling SET bytes = randomblob(?)', [MEGABYTE]);
  // 4,000 pages, and what one statement writes.
  expect(statSync(file).size).toBeLessThan(24 * MEGABYTE);
  expect(await controlPlane.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  await checkpoints.onModuleDestroy();
  await controlPlane.close();
});
