import { ManualClock } from '../testing/storage.ts';
import { commitInTime, reachFrom } from './revocation-reach.ts';

let clock: ManualClock;
let reached: number[];
beforeEach(() => {
  clock = new ManualClock();
  reached = [];
});

/** A database whose commits take this long. */
const commitIn = (ms: number) => (before: number) => {
  reached.push(before);
  clock.advance(ms);
  return Promise.resolve(before);
};

it('has a reach below 2 s, so that new tokens are valid within 3 s', () => {
  expect(reachFrom(clock.ms)).toBe(clock.ms / 1000 + 1);
  expect(reachFrom(clock.ms + 999)).toBe(clock.ms / 1000 + 2);
});

it('commits once if the commit is in time', async () => {
  await commitInTime(clock, commitIn(350));
  expect(reached).toHaveLength(1);
});

it.each([400, 5_000])('commits again with a longer reach if a commit took %i ms', async (ms) => {
  const startedAtMs = clock.ms;
  const before = await commitInTime(clock, commitIn(ms));
  expect(reached).toHaveLength(2);
  // From the second commit to the end of its reach: longer than a server issues tokens without a new list.
  expect((before + 1) * 1000 - (startedAtMs + 2 * ms)).toBeGreaterThan(1_400);
});

it('gives up if each commit takes longer', async () => {
  let ms = 400;
  await expect(commitInTime(clock, (before) => commitIn((ms *= 3))(before))).rejects.toMatchObject({
    code: 'temporarily_unavailable',
  });
  expect(reached).toHaveLength(5);
});
