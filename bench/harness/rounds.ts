import type { LoadResult } from './load.ts';
import { median } from './median.ts';
import type { PinnedProcess } from './pinned-process.ts';
import { decimals } from './report.ts';

/** A server that is measured. One server may answer the loads of several. */
export interface MeasuredContender {
  readonly name: string;
  readonly process: PinnedProcess;
  readonly results: LoadResult[];
}

/**
 * Measures the contenders in turns, so that a slow minute of the machine affects all of them; each second round in the other order, so that a machine
 * that becomes slower does not always meet the same one last. All servers but the one under load are stopped, so that no timer of another one is in its
 * p99.
 */
export async function measureInTurns<C extends MeasuredContender>(
  contenders: readonly C[],
  rounds: number,
  run: (contender: C) => Promise<LoadResult>,
): Promise<void> {
  const processes = new Set(contenders.map(({ process }) => process));
  try {
    for (const process of processes) process.pause();
    for (let round = 0; round < rounds; round++)
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
        contender.process.resume();
        contender.results.push(await run(contender));
        contender.process.pause();
      }
  } finally {
    for (const process of processes) process.resume();
  }
}

export interface MeasuredRow {
  readonly name: string;
  readonly failures: number;
  /** The columns of `MEASURED`. */
  readonly cells: readonly string[];
}

export const MEASURED = ['requests/s', 'range', 'CPU µs', 'p50 ms', 'p99 ms', 'failures', 'MiB'] as const;

/** Medians over the rounds; the range is that of the rates. */
export function rowOf({ name, process, results }: MeasuredContender): MeasuredRow {
  const of = (member: keyof LoadResult) => results.map((result) => result[member]);
  const failures = of('failures').reduce((sum, count) => sum + count, 0);
  return {
    name,
    failures,
    cells: [
      decimals(median(of('requestsPerSecond')), 0),
      `${decimals(Math.min(...of('requestsPerSecond')), 0)} to ${decimals(Math.max(...of('requestsPerSecond')), 0)}`,
      decimals(median(of('cpuMicros')), 0),
      decimals(median(of('p50Ms')), 1),
      decimals(median(of('p99Ms')), 1),
      String(failures),
      String(process.residentMiB()),
    ],
  };
}

/** Of one number of two contenders, round by round. */
export interface Ratio {
  /** The median of the rounds. */
  readonly value: number;
  /** The lowest and the highest of the rounds, as text. */
  readonly range: string;
}

/**
 * A number of one contender, divided by that of another in the same round. The two were measured within seconds: what the machine does in other minutes
 * is in no ratio.
 */
export function ratioOf(
  contenders: readonly Pick<MeasuredContender, 'name' | 'results'>[],
  one: string,
  other: string,
  member: keyof LoadResult = 'requestsPerSecond',
): Ratio {
  const resultsOf = (wanted: string) => contenders.find(({ name }) => name === wanted)?.results ?? [];
  const others = resultsOf(other);
  const ratios = resultsOf(one).map((result, round) => result[member] / (others[round]?.[member] ?? Number.NaN));
  return {
    value: ratios.length === 0 ? Number.NaN : median(ratios),
    range: `${decimals(Math.min(...ratios), 2)} to ${decimals(Math.max(...ratios), 2)}`,
  };
}
