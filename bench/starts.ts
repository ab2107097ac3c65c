import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, RunningContender } from './contenders.ts';
import { runLoad, untilAnswered } from './harness/load.ts';
import { type MeasuredContender, measureInTurns } from './harness/rounds.ts';

/** What the compiler makes of a program differs by some 5 % from one start to the next, for as long as the process lives. So no process stands for all. */
export const STARTS = 3;
export const ROUNDS_OF_A_START = 3;
// The compiler is done later with a large program than with a small one: after 3 s, Tessera was at 0.89 of the synchronous server, after 10 s at 1.00.
const WARM_UP_SECONDS = 10;

export interface Compared extends Pick<MeasuredContender, 'name' | 'results'> {
  /** At the end of each start. */
  readonly residentMiB: number[];
}

/** @returns the contenders in their order, with the results of all starts */
export async function measureStarts(
  folder: string,
  contenders: readonly Contender[],
  secondsEach: number,
): Promise<readonly Compared[]> {
  const compared = contenders.map(({ name }): Compared => ({ name, results: [], residentMiB: [] }));
  for (let start = 0; start < STARTS; start++)
    await measureStart(join(folder, `start-${start}`), contenders, compared, secondsEach);
  return compared;
}

async function measureStart(
  folder: string,
  contenders: readonly Contender[],
  compared: readonly Compared[],
  secondsEach: number,
): Promise<void> {
  const running: (RunningContender & Compared & MeasuredContender)[] = [];
  try {
    for (const [index, contender] of contenders.entries()) {
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
