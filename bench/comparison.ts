import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BARE, BATCHED, CONTENDERS, PROVIDER, type RunningContender, SUBJECT } from './contenders.ts';
import { CONNECTIONS, runLoad, untilAnswered } from './harness/load.ts';
import { type Section, targetMark } from './harness/report.ts';
import { cellsOf, MEASURED, type MeasuredContender, measureInTurns, ratioOf } from './harness/rounds.ts';

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
        head: ['contender', ...MEASURED, 'MiB', 'to bare', 'to batched'],
        rows: running.map(({ name, process, results }) => [
          name,
          ...cellsOf(results),
          String(process.residentMiB()),
          ratioOf(running, name, BARE).text,
          ratioOf(running, name, BATCHED).text,
        ]),
      },
      {
        head: ['Tessera to', 'ratio', 'target', 'goal', 'met'],
        rows: ratios.map(({ to, value, text, target, goal }) => [
          to,
          text,
          `≥ ${target}`,
          goal === undefined ? '' : `≥ ${goal}`,
          targetMark(value >= target),
        ]),
      },
      {
        head: ['p99 of Tessera to that of', 'ratio', 'target', 'met'],
        rows: [[BARE, tail.text, `≤ ${P99_TARGET}`, targetMark(tail.value <= P99_TARGET)]],
      },
    ],
  };
}
