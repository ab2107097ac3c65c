import { TesseraError } from '../errors/tessera-error.ts';
import { LIMIT, limitRefusalOf, verdict } from '../testing/failure-limits.ts';
import { ManualClock } from '../testing/storage.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { FailureLimits } from './failure-limits.ts';

const SOURCE = '192.0.2.1';
const UNNAMED = { key: 'unnamed', isGuessable: false };
const BY_SECRET = { key: 'acme/shop/web', isGuessable: true };
const BY_ASSERTION = { key: 'acme/shop/web by assertion', isGuessable: false };
const FAILED = new TesseraError('invalid_client', 'wrong');

let limits: FailureLimits;
beforeEach(() => {
  limits = new FailureLimits({ limits: { failuresPerMinute: LIMIT }, caches: { tenants: 1 } }, new ManualClock());
});

/** Requests whose client becomes known by steps and then fails to authenticate. */
function fail(attempt: typeof UNNAMED, error: unknown = FAILED, times = LIMIT): void {
  for (let time = 0; time < times; time++) {
    const limit = new AttemptLimit(limits, SOURCE, UNNAMED);
    limit.identified(attempt);
    limit.count(error);
  }
}
const attempt = (next: typeof UNNAMED) =>
  limitRefusalOf(() => {
    new AttemptLimit(limits, SOURCE, UNNAMED).identified(next);
  });

describe('a client that becomes known by steps', () => {
  it('counts a failed guess against the client, and refuses the next one without a check', () => {
    fail(BY_SECRET);
    expect(attempt(BY_SECRET)?.reason).toBe('too many failures');
    expect(verdict(limits, SOURCE, BY_SECRET.key)).not.toBe('accepted');
  });

  it('counts nothing against what it was before', () => {
    fail(BY_SECRET);
    const unnamed = new AttemptLimit(limits, SOURCE, UNNAMED);
    expect(
      limitRefusalOf(() => {
        unnamed.count(FAILED);
      }),
    ).toBeUndefined();
  });

  it('always has its assertion checked, and gets 429 for one more failure', () => {
    fail(BY_ASSERTION);
    expect(attempt(BY_ASSERTION)).toBeUndefined();
    expect(
      limitRefusalOf(() => {
        fail(BY_ASSERTION, FAILED, 1);
      })?.reason,
    ).toBe('too many failures');
  });

  it('does not have its secret blocked by failed assertions, nor by an outage', () => {
    fail(BY_ASSERTION);
    fail(BY_SECRET, new TesseraError('temporarily_unavailable', 'vault: no answer'));
    expect(attempt(BY_SECRET)).toBeUndefined();
  });
});
