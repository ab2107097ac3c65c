import { BARE, BATCHED, CONTENDERS, PROVIDER, SUBJECT } from './contenders.ts';
import { CONNECTIONS } from './harness/load.ts';
import { figure, type Section, targetMark } from './harness/report.ts';
import { cellsOf, MEASURED, ratioOf } from './harness/rounds.ts';
import { type Compared, measureStarts, ROUNDS_OF_A_START, STARTS } from './starts.ts';

const P99_TARGET = 1.6;
/** In shorter rounds, the opening of the connections decides the p99. */
const LEAST_SECONDS = 10;

/** Compares all contenders. Each is loaded alone, in turns, so that a slow minute of the machine affects all of them. */
export async function compare(folder: string, secondsEach: number): Promise<Section> {
  const seconds = Math.max(secondsEach, LEAST_SECONDS);
  return report(await measureStarts(folder, CONTENDERS, seconds), seconds);
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
