import type { LoadResult } from './load.ts';
import { measureInTurns, ratioOf } from './rounds.ts';

const result = (requestsPerSecond: number, p99Ms = 1) => ({ requestsPerSecond, p99Ms }) as LoadResult;

describe('the ratio of two contenders', () => {
  const contenders = [
    // A machine that becomes slower by half: the ratio of the medians would be 0.5.
    { name: 'one', results: [result(900, 2), result(200, 6), result(200, 4)] },
    { name: 'other', results: [result(1000, 1), result(400, 2), result(200, 4)] },
  ];

  it('is the median of the rounds, with the lowest and the highest', () => {
    expect(ratioOf(contenders, 'one', 'other')).toEqual({ value: 0.9, text: '0.90 (0.50 to 1.00)' });
    expect(ratioOf(contenders, 'one', 'other', 'p99Ms')).toEqual({ value: 2, text: '2.00 (1.00 to 3.00)' });
  });

  it('is no number for a contender that was not measured', () => {
    expect(ratioOf(contenders, 'one', 'nobody').value).toBeNaN();
    expect(ratioOf(contenders, 'nobody', 'one').value).toBeNaN();
  });
});

it('measures in turns, each second round in the other order, one server running at a time', async () => {
  const running = new Set<string>();
  const order: string[] = [];
  const contender = (name: string) => ({
    name,
    results: [] as LoadResult[],
    process: { pause: () => running.delete(name), resume: () => running.add(name) } as never,
  });
  const contenders = [contender('a'), contender('b')];
  for (const { name } of contenders) running.add(name);
  await measureInTurns(contenders, 3, ({ name }) => {
    order.push(name);
    expect([...running]).toEqual([name]);
    return Promise.resolve(result(1));
  });
  expect(order.join('')).toBe('abbaab');
  expect(contenders.map(({ results }) => results.length)).toEqual([3, 3]);
  expect([...running].sort()).toEqual(['a', 'b']);
});
