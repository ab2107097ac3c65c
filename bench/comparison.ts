import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BARE, BATCHED, CONTENDERS, PROVIDER, type RunningContender, SUBJECT } from './contenders.ts';
import { CONNECTIONS, runLoad, untilAnswered } from './harness/load.ts';
import { type Section, decimals, targetMark } from './harness/report.ts';
import { MEASURED, type MeasuredContender, measureInTurns, ratioOf, rowOf } from './harness/rounds.ts';

const ROUNDS = 9;
const P99_TARGET = 1.6;
// By then the compiler has run every hot path a few thousand times.
const WARM_UP_SECONDS = 3;

/** Compares all contenders. Each is loaded alone, in turns, so that a slow minute of the machine affects all of them. */
export async function compare(folder: string, secondsEach: number): Promise<Section> {
  const running: (RunningContender & MeasuredContender)[] = [];
  try {
    for (const [index, contender] of CONTENDERS.entries()) {
      const own = join(folder, String(index));
      await mkdir(own);
      running.push({ ...(await contender.start(own)), name: contender.name, results: [] });
    }
    for (const { process, load } of running) {
      await untilAnswered(process, load);
      await runLoad(folder, process, load, WARM_UP_SECONDS);
    }
    await measureInTurns(running, ROUNDS, ({ process, load }) => runLoad(folder, process, load, secondsEach));
    return report(running, secondsEach);
  } finally {
    await Promise.all(running.map(({ process }) => process.end()));
  }
}

function report(running: readonly MeasuredContender[], secondsEach: number): Section {
  const rows = running.map(rowOf);
  const ratios = [
    { to: BARE, target: 1, goal: undefined },
    { to: BATCHED, target: 0.65, goal: 0.75 },
    { to: PROVIDER, target: 4, goal: undefined },
  ].map(({ to, target, goal }) => ({ to, target, goal, ...ratioOf(running, SUBJECT, to) }));
  const tail = ratioOf(running, SUBJECT, BARE, 'p99Ms');
  return {
    title: 'Side by side',
    text:
      `Each server on one core, the load from the other; ${CONNECTIONS} connections, ${ROUNDS} alternating rounds of ` +
      `${secondsEach} s, medians. Audit and access log of Tessera are on.`,
    tables: [
      {
        head: ['contender', ...MEASURED, 'to bare'],
        rows: rows.map(({ name, cells }) => [name, ...cells, decimals(ratioOf(running, name, BARE).value, 2)]),
      },
      {
        head: ['Tessera to', 'ratio', 'range', 'target', 'goal', 'met'],
        rows: ratios.map(({ to, value, range, target, goal }) => [
          to,
          decimals(value, 2),
          range,
          `≥ ${target}`,
          goal === undefined ? '' : `≥ ${goal}`,
          targetMark(value >= target),
        ]),
      },
      {
        head: ['p99 of Tessera to that of', 'ratio', 'range', 'target', 'met'],
        rows: [[BARE, decimals(tail.value, 2), tail.range, `≤ ${P99_TARGET}`, targetMark(tail.value <= P99_TARGET)]],
      },
    ],
  };
}
