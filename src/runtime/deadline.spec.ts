import { setTimeout as delay } from 'node:timers/promises';
import { ManualClock } from '../testing/storage.ts';
import { Deadline, within, withSignal } from './deadline.ts';

const never = new Promise<string>(() => undefined);
const LATE = new Error('late');
const throwLate = (): never => {
  throw LATE;
};

describe('within', () => {
  it('settles as the work does when that is in time', async () => {
    expect(await within(1_000, Promise.resolve('done'), throwLate)).toBe('done');
    await expect(within(1_000, Promise.reject(new Error('own')), () => 'late')).rejects.toThrow('own');
  });

  it('settles with what late returns or throws when the time is over first', async () => {
    expect(await within(5, never, () => 'late')).toBe('late');
    await expect(within(5, never, throwLate)).rejects.toBe(LATE);
  });

  it('calls late once, and not when the work was in time', async () => {
    let calls = 0;
    const late = () => `late ${++calls}`;
    expect(await within(5, Promise.resolve('done'), late)).toBe('done');
    await delay(20);
    expect(calls).toBe(0);
    expect(await within(5, never, late)).toBe('late 1');
  });

  it('drops what comes of the work later, an error as well', async () => {
    const errors: unknown[] = [];
    const unhandled = (error: unknown): void => void errors.push(error);
    process.on('unhandledRejection', unhandled);
    const failing = delay(20).then(throwLate);
    expect(await within<string>(5, failing, () => 'late')).toBe('late');
    await delay(40);
    process.removeListener('unhandledRejection', unhandled);
    expect(errors).toEqual([]);
  });
});

describe('withSignal', () => {
  it('aborts the work when the time is over, and not after it has ended', async () => {
    let seen: AbortSignal | undefined;
    const keep = (signal: AbortSignal): Promise<void> => {
      seen = signal;
      return Promise.resolve();
    };
    await withSignal(5, keep);
    await delay(20);
    expect(seen?.aborted).toBe(false);
    await expect(withSignal(5, (signal) => delay(1_000, undefined, { signal }))).rejects.toThrow('aborted');
  });
});

describe('a deadline', () => {
  it('counts by its clock, over all that is waited for in turn', () => {
    const clock = new ManualClock();
    const deadline = new Deadline(clock, 100);
    clock.advance(40);
    expect(deadline.remainingMs()).toBe(60);
    clock.advance(59);
    expect(deadline.isOver()).toBe(false);
    clock.advance(1);
    expect(deadline.isOver()).toBe(true);
    clock.advance(1_000);
    expect(deadline.remainingMs()).toBe(0);
  });

  it('that is over still gives what is there already', async () => {
    const clock = new ManualClock();
    const deadline = new Deadline(clock, 100);
    clock.advance(100);
    expect(await deadline.wait(Promise.resolve('done'), throwLate)).toBe('done');
    await expect(deadline.wait(never, throwLate)).rejects.toBe(LATE);
  });
});
