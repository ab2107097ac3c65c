import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BARE, BATCHED, CONTENDERS, type Contender, PROVIDER, type RunningContender, SUBJECT } from './contenders.ts';
import { CONNECTIONS, type LoadResult, runLoad, untilAnswered } from './harness/load.ts';
import { median } from './harness/median.ts';
import { type Section, decimals, targetMark } from './harness/report.ts';

const ROUNDS = 3;
// By then the compiler has run every hot path a few thousand times.
const WARM_UP_SECONDS = 3;

/** Compares all contenders. Each is loaded alone, in turns, so that a slow minute of the machine affects all of them. */
export async function compare(folder: string, secondsEach: number): Promise<Section> {
  const running: (RunningContender & { readonly contender: Contender; readonly results: LoadResult[] })[] = [];
  try {
    for (const [index, contender] of CONTENDERS.entries()) {
      const own = join(folder, String(index));
      await mkdir(own);
      running.push({ ...(await contender.start(own)), contender, results: [] });
    }
    for (const { process, load } of running) {
      await untilAnswered(process, load);
      await runLoad(folder, process, load, WARM_UP_SECONDS);
    }
    for (let round = 0; round < ROUNDS; round++)
      for (const { process, load, results } of running) results.push(await runLoad(folder, process, load, secondsEach));
    return report(running, secondsEach);
  } finally {
    await Promise.all(running.map(({ process }) => process.end()));
  }
}

function report(
  running: readonly (RunningContender & { readonly contender: Contender; readonly results: readonly LoadResult[] })[],
  secondsEach: number,
): Section {
  const rows = running.map(({ contender, results, process }) => ({
    name: contender.name,
    perSecond: median(results.map((result) => result.requestsPerSecond)),
    p50: median(results.map((result) => result.p50Ms)),
    p99: median(results.map((result) => result.p99Ms)),
    failures: results.reduce((sum, result) => sum + result.failures, 0),
    residentMiB: process.residentMiB(),
  }));
  const speed = (name: string) => rows.find((row) => row.name === name)?.perSecond ?? Number.NaN;
  const ratios = [
    { to: BARE, target: 0.8, goal: 1 },
    { to: BATCHED, target: 0.6, goal: undefined },
    { to: PROVIDER, target: 2, goal: 3 },
  ].map(({ to, target, goal }) => ({ to, target, goal, ratio: speed(SUBJECT) / speed(to) }));
  return {
    title: 'Side by side',
    text:
      `Each server on one core, the load from the other; ${CONNECTIONS} connections, ${ROUNDS} alternating rounds of ` +
      `${secondsEach} s, medians. Audit and access log of Tessera are on.`,
    tables: [
      {
        head: ['contender', 'requests/s', 'to bare', 'p50 ms', 'p99 ms', 'failures', 'MiB under load'],
        rows: rows.map((row) => [
          row.name,
          decimals(row.perSecond, 0),
          decimals(row.perSecond / speed(BARE), 2),
          decimals(row.p50, 1),
          decimals(row.p99, 1),
          String(row.failures),
          String(row.residentMiB),
        ]),
      },
      {
        head: ['Tessera to', 'ratio', 'target', 'goal', 'met'],
        rows: ratios.map(({ to, ratio, target, goal }) => [
          to,
          decimals(ratio, 2),
          `≥ ${target}`,
          goal === undefined ? '' : `≥ ${goal}`,
          targetMark(ratio >= target),
        ]),
      },
    ],
  };
}
