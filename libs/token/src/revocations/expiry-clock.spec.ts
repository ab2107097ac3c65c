import { ExpiryClock } from './expiry-clock.ts';

const NOW = 1_800_000_000;

describe('the time that has certainly passed', () => {
  it('equals the wall clock if that was never ahead', () => {
    const time = new ExpiryClock();
    for (const second of [0, 1, 3_600, 90_000])
      expect(time.observe(NOW + second, second * 1_000)).toEqual({ certain: NOW + second, wentBack: false });
  });

  it('does not follow a clock that runs ahead, by up to a day', () => {
    const time = new ExpiryClock();
    time.observe(NOW, 0);
    expect(time.observe(NOW + 3_600, 10_000)).toEqual({ certain: NOW + 10, wentBack: false });
    expect(time.observe(NOW + 3 * 86_400, 20_000)).toEqual({ certain: NOW + 2 * 86_400, wentBack: false });
    expect(time.observe(NOW + 30, 30_000)).toEqual({ certain: NOW + 30, wentBack: false });
  });

  it('follows a clock that is set back before its start, and reports it once', () => {
    const time = new ExpiryClock();
    time.observe(NOW + 3_600, 0);
    expect(time.observe(NOW + 10, 10_000)).toEqual({ certain: NOW + 10, wentBack: true });
    expect(time.observe(NOW + 20, 20_000)).toEqual({ certain: NOW + 20, wentBack: false });
  });

  it('does not mistake rounding to whole seconds for a step back', () => {
    const time = new ExpiryClock();
    time.observe(NOW, 0);
    expect(time.observe(NOW, 999)).toMatchObject({ wentBack: false });
  });
});
