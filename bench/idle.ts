import { setTimeout as delay } from 'node:timers/promises';
import { median } from './harness/median.ts';
import { untilAnswered } from './harness/load.ts';
import { figure, type Section, targetMark } from './harness/report.ts';
import { SAMPLE } from './sample/sample-request.ts';
import { provisionSample } from './sample/sample-tenant.ts';

const STARTS = 3;
const IDLE_SECONDS = 5;
// Finer than the second digit that is printed.
const POLL_MS = 5;
const MAX_START_SECONDS = 0.6;
const MAX_IDLE_MIB = 115;

/** The time from the start of the process to its first token, and the memory of an idle server. */
export async function idle(folder: string): Promise<Section> {
  const tessera = await provisionSample(folder);
  const load = tessera.load([tessera.body(SAMPLE.tenant, SAMPLE.email)]);
  const firstTokenSeconds: number[] = [];
  const idleMiB: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const startedAt = performance.now();
    const server = await tessera.start({ countsAllocations: false });
    try {
      await untilAnswered(server, load, POLL_MS);
      firstTokenSeconds.push((performance.now() - startedAt) / 1000);
      await delay(IDLE_SECONDS * 1000);
      idleMiB.push(server.residentMiB());
    } finally {
      await server.end();
    }
  }
  const seconds = median(firstTokenSeconds);
  const memory = median(idleMiB);
  return {
    title: 'Start and idle memory',
    text: `Embedded default, medians of ${STARTS} starts: from the start of the process to the first token; resident memory ${IDLE_SECONDS} s after it.`,
    tables: [
      {
        head: ['measure', 'value', 'target', 'met'],
        rows: [
          [
            'start to first token',
            figure(firstTokenSeconds, 2, ' s'),
            `≤ ${MAX_START_SECONDS} s`,
            targetMark(seconds <= MAX_START_SECONDS),
          ],
          ['idle memory', figure(idleMiB, 0, ' MiB'), `≤ ${MAX_IDLE_MIB} MiB`, targetMark(memory <= MAX_IDLE_MIB)],
        ],
      },
    ],
  };
}
