import type { LoadResult } from './load.ts';
import { median } from './median.ts';
import type { PinnedProcess } from './pinned-process.ts';
import { figure } from './report.ts';

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

/** @param run gets how many requests the earlier rounds had, so that a load goes on where they ended */
export async function inRounds(rounds: number, run: (sent: number) => Promise<LoadResult>): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  for (let sent = 0; results.length < rounds;) {
    const result = await run(sent);
    sent += result.requests;
    results.push(result);
  }
  return results;
}

export const MEASURED = ['requests/s', 'CPU µs', 'garbage KiB', 'p50 ms', 'p99 ms', 'failures'] as const;

/** The columns of `MEASURED`: each figure is the median of the rounds, with the lowest and the highest. */
export function cellsOf(results: readonly LoadResult[]): string[] {
  const of = (member: keyof LoadResult) => results.map((result) => result[member]);
  return [
    figure(of('requestsPerSecond'), 0),
    figure(of('cpuMicros'), 0),
    figure(
      of('allocatedBytes').map((bytes) => bytes / 1024),
      1,
    ),
    figure(of('p50Ms'), 1),
    figure(of('p99Ms'), 1),
    String(failuresOf(results)),
  ];
}

export function failuresOf(results: readonly LoadResult[]): number {
  return results.reduce((sum, { failures }) => sum + failures, 0);
}

/** Of one number of two contenders. */
export interface Ratio {
  readonly value: number;
  /** With the lowest and the highest of the rounds. */
  readonly text: string;
}

/**
 * A number of one contender, divided by that of another in the same round; the median of the rounds. The two were measured within seconds: what the
 * machine does in other minutes is in no ratio.
 */
export function ratioOf(
  contenders: readonly Pick<MeasuredContender, 'name' | 'results'>[],
  one: string,
  other: string,
  member: keyof LoadResult = 'requestsPerSecond',
): Ratio {
  const resultsOf = (wanted: string) => contenders.find(({ name }) => name === wanted)?.results ?? [];
  const of = (name: string) => resultsOf(name).map((result) => result[member]);
  const ratios = ratiosOf(of(one), of(other));
  return { value: median(ratios), text: figure(ratios, 2) };
}

/** Of each round. */
export function ratiosOf(ones: readonly number[], others: readonly number[]): number[] {
  return ones.map((one, round) => one / (others[round] ?? Number.NaN));
}
