import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BARE, BATCHED, CONTENDERS, PROVIDER, type RunningContender, SUBJECT } from './contenders.ts';
import { CONNECTIONS, runLoad, untilAnswered } from './harness/load.ts';
import { figure, type Section, targetMark } from './harness/report.ts';
import { cellsOf, MEASURED, type MeasuredContender, measureInTurns, ratioOf } from './harness/rounds.ts';

/** What the compiler makes of a program differs by some 5 % from one start to the next, for as long as the process lives. So no process stands for all. */
const STARTS = 3;
const ROUNDS_OF_A_START = 3;
const P99_TARGET = 1.6;
// By then the compiler has run every hot path a few thousand times.
const WARM_UP_SECONDS = 3;

interface Compared extends Pick<MeasuredContender, 'name' | 'results'> {
  /** At the end of each start. */
  readonly residentMiB: number[];
}

/** Compares all contenders. Each is loaded alone, in turns, so that a slow minute of the machine affects all of them. */
export async function compare(folder: string, secondsEach: number): Promise<Section> {
  const compared = CONTENDERS.map(({ name }): Compared => ({ name, results: [], residentMiB: [] }));
  for (let start = 0; start < STARTS; start++)
    await measureStart(join(folder, `start-${start}`), compared, secondsEach);
  return report(compared, secondsEach);
}

async function measureStart(folder: string, compared: readonly Compared[], secondsEach: number): Promise<void> {
  const running: (RunningContender & Compared & MeasuredContender)[] = [];
  try {
    for (const [index, contender] of CONTENDERS.entries()) {
      const own = join(folder, String(index));
      await mkdir(own, { recursive: true });
      running.push({ ...(await contender.start(own)), ...compared[index]! });
    }
    for (const { process, load } of running) {
      await untilAnswered(process, load);
      await runLoad(folder, process, load, WARM_UP_SECONDS);
    }
    await measureInTurns(running, ROUNDS_OF_A_START, ({ process, load }) =>
      runLoad(folder, process, load, secondsEach),
    );
    for (const { process, residentMiB } of running) residentMiB.push(process.residentMiB());
  } finally {
    await Promise.all(running.map(({ process }) => process.end()));
  }
}

function report(compared: readonly Compared[], secondsEach: number): Section {
  const ratios = [
    { to: BARE, target: 1, goal: undefined },
    { to: BATCHED, target: 0.65, goal: 0.75 },
    { to: PROVIDER, target: 4, goal: undefined },
  ].map(({ to, target, goal }) => ({ to, target, goal, ...ratioOf(compared, SUBJECT, to) }));
  const tail = ratioOf(compared, SUBJECT, BARE, 'p99Ms');
  return {
    title: 'Side by side',
    text:
      `Each server on one core, the load from the other; ${CONNECTIONS} connections, ${STARTS} starts of each server with ` +
      `${ROUNDS_OF_A_START} alternating rounds of ${secondsEach} s, medians. Audit and access log of Tessera are on.`,
    tables: [
      {
        head: ['contender', ...MEASURED, 'MiB', 'to bare', 'to batched'],
        rows: compared.map(({ name, results, residentMiB }) => [
          name,
          ...cellsOf(results),
          figure(residentMiB, 0),
          ratioOf(compared, name, BARE).text,
          ratioOf(compared, name, BATCHED).text,
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
