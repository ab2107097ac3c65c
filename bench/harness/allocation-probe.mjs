/**
 * Loaded into a measured server by `NODE_OPTIONS=--import`. The first SIGUSR2 starts to count what the main thread allocates in the JavaScript heap, the
 * next one writes the bytes to BENCH_ALLOCATION_FILE and stops, and so on. Between two measurements it costs nothing.
 *
 * Node.js 20 has no counter of it. Between two collections the used heap only grows, and GCProfiler notes how much is used before and after each.
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import v8 from 'node:v8';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  let profiler;
  let usedAtStart = 0;
  process.on('SIGUSR2', () => {
    if (profiler === undefined) {
      profiler = new v8.GCProfiler();
      profiler.start();
      usedAtStart = v8.getHeapStatistics().used_heap_size;
      write('counting');
      return;
    }
    const usedAtEnd = v8.getHeapStatistics().used_heap_size;
    const { statistics } = profiler.stop();
    profiler = undefined;
    let allocated = 0;
    let used = usedAtStart;
    for (const { beforeGC, afterGC } of statistics) {
      allocated += beforeGC.heapStatistics.usedHeapSize - used;
      used = afterGC.heapStatistics.usedHeapSize;
    }
    write(String(allocated + usedAtEnd - used));
  });
}

/** Whole: the reader waits for the line break. */
function write(text) {
  writeFileSync(process.env.BENCH_ALLOCATION_FILE, `${text}\n`);
}
