import { ManualClock } from '../testing/storage.ts';
import { commitInTime, reachFrom } from './revocation-reach.ts';

let clock: ManualClock;
let reached: number[];
beforeEach(() => {
  clock = new ManualClock();
  reached = [];
});

/** A database that takes so long each time. */
const commitIn = (ms: number) => (before: number) => {
  reached.push(before);
  clock.advance(ms);
  return Promise.resolve(before);
};

it('reaches below 2 s ahead, so that new tokens are good within 3', () => {
  expect(reachFrom(clock.ms)).toBe(clock.ms / 1000 + 1);
  expect(reachFrom(clock.ms + 999)).toBe(clock.ms / 1000 + 2);
});

it('commits once what is committed in time', async () => {
  await commitInTime(clock, commitIn(350));
  expect(reached).toHaveLength(1);
});

it.each([400, 5_000])('commits again what took %i ms, and reaches so much further', async (ms) => {
  const startedAtMs = clock.ms;
  const before = await commitInTime(clock, commitIn(ms));
  expect(reached).toHaveLength(2);
  // From the second commit to the end of the last second that it reaches: more than a server goes on unheard.
  expect((before + 1) * 1000 - (startedAtMs + 2 * ms)).toBeGreaterThan(1_400);
});

it('gives up when it takes longer each time', async () => {
  let ms = 400;
  await expect(commitInTime(clock, (before) => commitIn((ms *= 3))(before))).rejects.toMatchObject({
    code: 'temporarily_unavailable',
  });
  expect(reached).toHaveLength(5);
});
