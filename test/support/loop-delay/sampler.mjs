/**
 * Loaded into a server by `NODE_OPTIONS=--import`. Records every turn of the event loop that kept it for over 3 ms, and writes them as JSON to the
 * file that LOOP_DELAY_FILE names when the process exits.
 *
 * On a busy machine a turn takes long because another process has the processor, or the disk. So it records what the main thread itself did in a turn:
 * how long it ran, and how much it read and wrote. Both are the same on a machine that does nothing else.
 *
 * Work that comes round once in minutes or hours comes every LOOP_DELAY_PERIOD_MS instead.
 */
import { openSync, readSync, writeFileSync } from 'node:fs';
import { performance, PerformanceObserver } from 'node:perf_hooks';
import { env, pid } from 'node:process';
import { isMainThread } from 'node:worker_threads';

const TICK_MS = 1;
const RECORDED_MS = 3;
const LONG_PERIOD_MS = 10_000;

if (isMainThread) {
  const { LOOP_DELAY_FILE, LOOP_DELAY_PERIOD_MS } = env;
  shortenPeriods(Number(LOOP_DELAY_PERIOD_MS));
  sample(LOOP_DELAY_FILE);
}

function shortenPeriods(periodMs) {
  const { setInterval } = globalThis;
  globalThis.setInterval = (work, ms, ...args) => setInterval(work, ms >= LONG_PERIOD_MS ? periodMs : ms, ...args);
}

function sample(file) {
  const times = processorTimes();
  const bytes = transferredBytes();
  const turns = [];
  const collections = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration, detail } of list.getEntries())
      collections.push({ at: startTime, ms: duration, isMajor: detail.kind >= 4 });
  }).observe({ entryTypes: ['gc'] });
  let lastMs = performance.now();
  let last = times();
  let lastBytes = bytes();
  let samples = 0;
  setInterval(() => {
    const ms = performance.now() - lastMs - TICK_MS;
    const now = times();
    const nowBytes = bytes();
    samples += 1;
    if (ms > RECORDED_MS) {
      // The kernel counts what ran up to 4 ms late, so a turn may get some of the one before. It cannot have run longer than it was not waiting.
      const ranMs = Math.min(now.ranMs - last.ranMs, ms - (now.waitedMs - last.waitedMs));
      turns.push({ at: lastMs, ms, ranMs, bytes: nowBytes - lastBytes });
    }
    lastMs = performance.now();
    last = now;
    lastBytes = nowBytes;
  }, TICK_MS).unref();
  process.on('exit', () => {
    writeFileSync(file, JSON.stringify({ origin: performance.timeOrigin, samples, turns, collections }));
  });
}

/** How long the main thread ran, and how long it was ready to run without a processor (proc_pid_schedstat). */
function processorTimes() {
  const read = readerOf('schedstat');
  return () => {
    const [ran, waited] = read().split(' ');
    return { ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6 };
  };
}

/** How much the main thread read and wrote, by whatever system call (proc_pid_io). */
function transferredBytes() {
  const read = readerOf('io');
  return () => {
    const [, rchar, wchar] = /^rchar: (\d+)\nwchar: (\d+)/.exec(read());
    return Number(rchar) + Number(wchar);
  };
}

/** Reads a file of the kernel about the main thread, whose id is that of the process. */
function readerOf(name) {
  const file = openSync(`/proc/self/task/${pid}/${name}`, 'r');
  const buffer = Buffer.alloc(256);
  return () => buffer.latin1Slice(0, readSync(file, buffer, 0, 256, 0));
}
