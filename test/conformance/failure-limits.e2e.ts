import { FailureLimits } from '../../src/rate-limit/failure-limits.ts';
import { LIMIT } from '../../src/testing/failure-limits.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { failureLimitsConformance } from './failure-limits.ts';

failureLimitsConformance('in process', () => {
  const clock = new TestClock();
  return Promise.resolve({
    limits: new FailureLimits({ limits: { failuresPerMinute: LIMIT }, caches: { tenants: 1 } }, clock),
    clock,
  });
});
