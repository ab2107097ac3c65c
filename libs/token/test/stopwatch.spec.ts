import { setTimeout as delay } from 'node:timers/promises';
import { startStopwatch } from './stopwatch.ts';

it('counts what is waited for, and never more than has passed', async () => {
  const startedAt = performance.now();
  const stopwatch = startStopwatch();
  while (stopwatch.elapsedMs() < 200) await delay(50);
  const counted = stopwatch.stop();
  expect(counted).toBeLessThanOrEqual(performance.now() - startedAt);
});

it('counts nothing after it was stopped', async () => {
  const stopwatch = startStopwatch();
  const counted = stopwatch.stop();
  await delay(200);
  expect(stopwatch.elapsedMs() - counted).toBeLessThan(100);
});

it('does not count a pause of the process', () => {
  const stopwatch = startStopwatch();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  expect(stopwatch.stop()).toBeLessThan(100);
});
