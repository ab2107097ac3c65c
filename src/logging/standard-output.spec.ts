import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../libs/token/test/eventually.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LINE = 'x'.repeat(999);
const LINES = 30_000;

/** A process that writes numbered lines of 1 KB, a thousand at a time, and then ends as a server does. */
const PROGRAM = `
import { setTimeout as delay } from 'node:timers/promises';
import { standardOutput } from './src/logging/standard-output.ts';
const output = standardOutput();
for (let line = 1; line <= ${LINES}; line++) {
  output.write('${LINE}\\n');
  if (line % 1000 === 0) await delay(5);
}
process.stderr.write('written ' + Math.round(process.memoryUsage().rss / 1048576) + ' MiB\\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
output.write('the end\\n');
output.flushSync();
process.stderr.write('ended\\n');
process.exit(0);
`;

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function start(stdout: number | 'pipe') {
  const child = spawn(
    process.execPath,
    ['--import', './scripts/typescript.mjs', '--input-type=module', '--eval', PROGRAM],
    { cwd: ROOT, stdio: ['pipe', stdout, 'pipe'] },
  );
  running.push(child);
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said };
}

it('holds a bounded number of lines for a reader that does not read, and says how many it dropped', async () => {
  const { child, said } = start('pipe');
  await eventually('all is written', () => said().includes('written'));
  // Some megabytes in several copies, and not the 30 MB that were written.
  expect(Number(/written (\d+) MiB/.exec(said())?.[1])).toBeLessThan(150);
  let received = '';
  child.stdout!.setEncoding('latin1').on('data', (text: string) => (received += text));
  // What is being written when the process ends would be lost.
  await eventually('all that was held is read', async () => {
    const before = received.length;
    await delay(1_000);
    return before > 8 * 1024 * 1024 && received.length === before;
  });
  child.stdin!.write('\n');
  const [code] = (await once(child, 'exit')) as [number];
  expect([code, said()]).toEqual([0, expect.stringContaining('ended')]);
  await eventually('the end', () => received.endsWith('the end\n'));
  const lines = received.trimEnd().split('\n');
  const told = lines.filter((line) => line.includes('"event":"log_lines_dropped"'));
  expect(told).toHaveLength(1);
  const { lines: dropped, level } = JSON.parse(told[0]!) as { lines: number; level: number };
  expect(level).toBe(40);
  expect(dropped).toBeGreaterThan(LINES / 2);
  expect(lines.filter((line) => line === LINE)).toHaveLength(LINES - dropped);
});

it('lets the process go on when the disk of the log is full', async () => {
  const full = openSync('/dev/full', 'w');
  const { child, said } = start(full);
  closeSync(full);
  await eventually('all is written', () => said().includes('written'));
  await delay(200);
  child.stdin!.write('\n');
  const [code] = (await once(child, 'exit')) as [number];
  expect([code, said()]).toEqual([0, expect.stringContaining('ended')]);
});
