import { ManualClock } from '../../test/manual-clock.ts';
import { LastGoodValue, type Reading } from './last-good-value.ts';

type Answer = (reading: Reading<string, string>) => Promise<void>;

let clock: ManualClock;
/** Answers of the reads under way and of those before, in their order. */
let reads: Answer[];
let value: LastGoodValue<string, string>;

beforeEach(() => {
  clock = new ManualClock();
  reads = [];
  value = new LastGoodValue({
    read: () =>
      new Promise((resolve) => {
        reads.push(async (reading) => {
          resolve(reading);
          await value.inFlight;
        });
      }),
    pauseMs: (failuresBefore) => 1_000 * (failuresBefore + 1),
    nowMs: () => clock.nowMs(),
    ages: { refreshAfterMs: 5_000, maxAgeMs: 10_000, staleMs: 60_000 },
  });
});

const good = (text: string) => ({ kind: 'read', value: text }) as const;
const FAILED = { kind: 'failed', failure: 'away' } as const;
const usable = () => value.usable(clock.nowMs());
const refresh = () => {
  value.refreshInTime(clock.nowMs());
};

async function filled(): Promise<void> {
  void value.read();
  await reads[0]!(good('one'));
}

it('is read once for all callers', async () => {
  const asked = [value.read(), value.readUnlessPausing(), value.read()];
  await reads[0]!(good('one'));
  expect(await Promise.all(asked)).toEqual([good('one'), good('one'), good('one')]);
  expect([reads.length, usable()]).toEqual([1, 'one']);
});

it('is read again in the background beyond its age for that, and not before', async () => {
  await filled();
  clock.advanceSeconds(5);
  refresh();
  expect(reads).toHaveLength(1);
  clock.advanceSeconds(0.001);
  refresh();
  refresh();
  expect([reads.length, usable()]).toEqual([2, 'one']);
  await reads[1]!(good('two'));
  expect(usable()).toBe('two');
});

it('is as old as the begin of its read', async () => {
  void value.read();
  clock.advanceSeconds(10);
  await reads[0]!(good('one'));
  expect(usable()).toBe('one');
  clock.advanceSeconds(0.001);
  expect([usable(), value.last]).toEqual([undefined, 'one']);
});

it('outlives its maximum age while reads fail, until it is stale', async () => {
  await filled();
  clock.advanceSeconds(11);
  expect(usable()).toBeUndefined();
  void value.read();
  await reads[1]!(FAILED);
  expect([usable(), value.failure]).toEqual(['one', 'away']);
  clock.advanceSeconds(49);
  expect(usable()).toBe('one');
  clock.advanceSeconds(0.001);
  expect([usable(), value.last]).toEqual([undefined, 'one']);
});

it('is not read in the pause after a failure, unless a caller insists', async () => {
  void value.read();
  await reads[0]!(FAILED);
  clock.advanceSeconds(0.999);
  expect(await value.readUnlessPausing()).toBe(FAILED);
  refresh();
  expect(reads).toHaveLength(1);
  void value.read();
  await reads[1]!(FAILED);
  clock.advanceSeconds(1.999);
  expect(value.isPausing(clock.nowMs())).toBe(true);
  clock.advanceSeconds(0.001);
  void value.readUnlessPausing();
  await reads[2]!(good('one'));
  expect([usable(), value.isFailing, value.isPausing(clock.nowMs())]).toEqual(['one', false, false]);
});

it('is dropped when the source has none', async () => {
  await filled();
  void value.read();
  await reads[1]!({ kind: 'gone', failure: 'removed' });
  expect([usable(), value.last, value.isFailing]).toEqual([undefined, undefined, false]);
});

it('can be read again after a read that rejected', async () => {
  let isBroken = true;
  const broken = new LastGoodValue<string, string>({
    read: () => (isBroken ? Promise.reject(new Error('a defect')) : Promise.resolve(good('one'))),
    pauseMs: () => 1_000,
    nowMs: () => clock.nowMs(),
    ages: { refreshAfterMs: 1, maxAgeMs: 1, staleMs: 1 },
  });
  await expect(broken.read()).rejects.toThrow('a defect');
  isBroken = false;
  expect(await broken.read()).toEqual(good('one'));
});

describe('an announced change', () => {
  const changed = () => {
    value.markOutdated();
    void value.readIfOutdated();
  };

  it('is read at once, in a pause as well', async () => {
    await filled();
    void value.read();
    await reads[1]!(FAILED);
    changed();
    expect(reads).toHaveLength(3);
    await reads[2]!(good('two'));
    expect([usable(), reads.length]).toEqual(['two', 3]);
  });

  it('during a read is followed by another read', async () => {
    void value.read();
    changed();
    expect(reads).toHaveLength(1);
    await reads[0]!(good('old'));
    expect(reads).toHaveLength(2);
    await reads[1]!(good('new'));
    expect([usable(), reads.length]).toEqual(['new', 2]);
  });

  it('during a read that fails waits for the next use after the pause', async () => {
    await filled();
    changed();
    changed();
    await reads[1]!(FAILED);
    refresh();
    expect(reads).toHaveLength(2);
    clock.advanceSeconds(1);
    refresh();
    expect(reads).toHaveLength(3);
  });

  it('is not read twice', async () => {
    await filled();
    value.markOutdated();
    refresh();
    const again = value.readIfOutdated();
    expect(reads).toHaveLength(2);
    await reads[1]!(good('two'));
    await again;
    await value.readIfOutdated();
    expect([usable(), reads.length]).toEqual(['two', 2]);
  });

  it('of an unknown kind is read at the next use, whatever the age', async () => {
    await filled();
    value.markOutdated();
    expect([reads.length, usable()]).toEqual([1, 'one']);
    refresh();
    expect(reads).toHaveLength(2);
  });
});
