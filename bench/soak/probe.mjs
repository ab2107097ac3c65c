/**
 * Loaded into the server of a soak by `NODE_OPTIONS=--import`. Appends to SOAK_PROBE_FILE, every SOAK_PROBE_MS, what only the process itself can see.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

// Commands inherit the environment.
if (isMainThread && process.argv[1]?.endsWith('main.js')) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  setInterval(() => {
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const line = {
      heapUsed,
      external: external + arrayBuffers,
      handles: process.getActiveResourcesInfo().length,
      loopP99Ms: delay.percentile(99) / 1e6,
      loopMaxMs: delay.max / 1e6,
    };
    delay.reset();
    appendFileSync(process.env.SOAK_PROBE_FILE, `${JSON.stringify(line)}\n`);
  }, Number(process.env.SOAK_PROBE_MS)).unref();
}
