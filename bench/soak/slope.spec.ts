import { type Point, slopeOf } from './slope.ts';

/** A value every 5 s for half an hour. The noise is the same in each run. */
function series(value: (seconds: number, noise: number) => number): Point[] {
  let seed = 1;
  const noise = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 30 - 1;
  };
  return Array.from({ length: 360 }, (_, index) => ({ seconds: index * 5, value: value(index * 5, noise()) }));
}

it('finds the slope of a line, per hour', () => {
  const slope = slopeOf(
    series((seconds) => 100 + seconds / 36),
    1,
  );
  expect(slope.perHour).toBeCloseTo(100, 6);
  expect(slope.rise).toBeCloseTo(1795 / 36, 6);
  expect(slope.isWithinNoise).toBe(false);
});

it.each([
  ['noise alone', (_: number, noise: number) => 100 + 10 * noise],
  ['a saw with a period of two minutes', (seconds: number) => 100 + (seconds % 120)],
  ['a fall', (seconds: number) => 100 - seconds],
  ['a single value', () => 7],
])('%s is within noise', (_, value) => {
  expect(slopeOf(series(value), 0).isWithinNoise).toBe(true);
});

it.each([
  ['a leak under noise', (seconds: number, noise: number) => 100 + 10 * noise + seconds / 90],
  ['a leak under a saw', (seconds: number) => 100 + (seconds % 120) + seconds / 20],
  ['a step each minute', (seconds: number) => Math.floor(seconds / 60)],
])('%s is not', (_, value) => {
  expect(slopeOf(series(value), 0).isWithinNoise).toBe(false);
});

it('a rise below the least one is within noise', () => {
  const points = series((seconds) => (seconds < 900 ? 4 : 5));
  expect(slopeOf(points, 0).isWithinNoise).toBe(false);
  expect(slopeOf(points, 2).isWithinNoise).toBe(true);
});

it('refuses to judge a few points', () => {
  expect(() => slopeOf(series(() => 1).slice(0, 19), 0)).toThrow(RangeError);
});
