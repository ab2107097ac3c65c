import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from './allocations.ts';

const ARRAYS = 200_000;
/** 256 bytes of elements and 48 of the array's own: pointers of Node.js have 8 bytes. */
const BYTES = ARRAYS * 304;

/** Makes its arrays for each line of its input, keeps none, and confirms. */
const PROGRAM = `
  process.stdin.on('data', () => {
    let last;
    for (let made = 0; made < ${ARRAYS}; made += 1) last = new Array(32).fill(made);
    process.stdout.write(String(last.length));
  });
  process.stdout.write('ready');
`;

const folder = mkdtempSync(join(tmpdir(), 'tessera-allocations-'));
let child: ChildProcess;
afterAll(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

it('counts what a server allocates although most of it is collected meanwhile, in each measurement anew', async () => {
  const allocations = new Allocations(join(folder, 'allocated'));
  child = spawn(process.execPath, ['--eval', PROGRAM], {
    env: allocations.environment('--max-semi-space-size=1'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  const measure = async (rounds: number): Promise<number> => {
    await allocations.start(child.pid!);
    for (let round = 0; round < rounds; round += 1) {
      child.stdin!.write('\n');
      await once(child.stdout!, 'data');
    }
    return allocations.stop(child.pid!);
  };
  for (const rounds of [1, 3, 0]) {
    const allocated = await measure(rounds);
    expect(allocated).toBeGreaterThanOrEqual(BYTES * rounds * 0.95);
    expect(allocated).toBeLessThan(BYTES * rounds * 1.1 + 2_000_000);
  }
});
