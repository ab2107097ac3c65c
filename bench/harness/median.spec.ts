import { median } from './median.ts';

describe('the median', () => {
  it('is the middle of an odd number of values, by number and not as text', () => {
    expect(median([100, 9, 20])).toBe(20);
  });

  it('is half-way between the middle two of an even number', () => {
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
