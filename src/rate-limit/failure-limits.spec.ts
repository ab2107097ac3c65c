import { fail, LIMIT, verdict } from '../testing/failure-limits.ts';
import { TestClock } from '../testing/test-clock.ts';
import { FailureLimits } from './failure-limits.ts';

describe('failure limits in process', () => {
  it('keep memory bounded, whatever fails', () => {
    const limits = new FailureLimits({ limits: { failuresPerMinute: LIMIT }, caches: { tenants: 1 } }, new TestClock());
    for (let host = 0; host < 60_000; host++)
      limits.recordFailure(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, 'acme/shop/web');
    expect(limits.size).toBe(100_000);
  });

  it('drop expired windows when a new failure comes', () => {
    const clock = new TestClock();
    const limits = new FailureLimits({ limits: { failuresPerMinute: LIMIT }, caches: { tenants: 1 } }, clock);
    for (let host = 0; host < 200; host++) limits.recordFailure(`10.0.0.${host}`, 'acme/shop/web');
    clock.advanceSeconds(61);
    limits.recordFailure('192.0.2.1', 'acme/shop/web');
    expect(limits.size).toBe(2);
  });

  it('start a new minute with the first failure after the old one', () => {
    const clock = new TestClock();
    const limits = new FailureLimits({ limits: { failuresPerMinute: LIMIT }, caches: { tenants: 1 } }, clock);
    fail(limits, '192.0.2.1', 'acme/shop/web', LIMIT - 1);
    clock.advanceSeconds(61);
    fail(limits, '192.0.2.1', 'acme/shop/web', 1);
    expect(verdict(limits, '192.0.2.1', 'acme/shop/web')).toBe('accepted');
  });
});
