import { setImmediate as nextTurn } from 'node:timers/promises';
import { within } from '../../../runtime/deadline.ts';

/** The error of a server that took too long, with the code that a driver's own time-out has. */
export function noAnswer(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

/** Rejects with `noAnswer` when `work` takes longer; the caller decides what happens to its connection. */
export function answerInTime<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return within(timeoutMs, work, () =>
    // If this process was busy for so long, the answer may be there already: its turn comes after that of the timers.
    Promise.race([
      work,
      nextTurn().then(() => {
        throw noAnswer();
      }),
    ]),
  );
}
