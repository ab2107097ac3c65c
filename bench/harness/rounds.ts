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
 * Measures the contenders in turns, so that a slow minute of the machine affects all of them. All servers but the one under load are stopped, so that
 * no timer of another one is in its p99.
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
      for (const contender of contenders) {
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
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly failures: number;
  /** The columns of `MEASURED`. */
  readonly cells: readonly string[];
}

export const MEASURED = ['requests/s', 'range', 'CPU µs', 'p50 ms', 'p99 ms', 'failures', 'MiB'] as const;

/** Medians over the rounds; the range is that of the rates. */
export function rowOf({ name, process, results }: MeasuredContender): MeasuredRow {
  const of = (member: keyof LoadResult) => results.map((result) => result[member]);
  const perSecond = median(of('requestsPerSecond'));
  const p99Ms = median(of('p99Ms'));
  const failures = of('failures').reduce((sum, count) => sum + count, 0);
  return {
    name,
    perSecond,
    p99Ms,
    failures,
    cells: [
      decimals(perSecond, 0),
      `${decimals(Math.min(...of('requestsPerSecond')), 0)} to ${decimals(Math.max(...of('requestsPerSecond')), 0)}`,
      decimals(median(of('cpuMicros')), 0),
      decimals(median(of('p50Ms')), 1),
      decimals(p99Ms, 1),
      String(failures),
      String(process.residentMiB()),
    ],
  };
}

/** The rate of one contender, divided by that of another. */
export function ratioOf(rows: readonly MeasuredRow[], one: string, other: string): number {
  const rate = (wanted: string) => rows.find(({ name }) => name === wanted)?.perSecond ?? Number.NaN;
  return rate(one) / rate(other);
}
