import { TesseraError } from '../../src/errors/tessera-error.ts';
import type { FailureLimits } from '../../src/http/failure-limits.ts';
import type { TestClock } from '../support/test-clock.ts';

export interface LimitsUnderTest {
  readonly limits: FailureLimits;
  readonly clock: TestClock;
}

/** Failures a minute that every instance under test allows. */
export const LIMIT = 20;

/** What holds for limits, whether a process counts for itself or shares its counts. Each case has sources of its own. */
export function failureLimitsConformance(name: string, start: () => Promise<LimitsUnderTest>): void {
  describe(`failure limits, ${name}`, () => {
    let limits: FailureLimits;
    let clock: TestClock;
    beforeEach(async () => {
      ({ limits, clock } = await start());
    });

    it('accept a source below the limit', () => {
      fail(limits, '192.0.2.1', 'acme/shop/web', LIMIT - 1);
      expect(verdict(limits, '192.0.2.1', 'acme/shop/web')).toBe('accepted');
    });

    it('reject a source at the limit, for the rest of the minute', () => {
      fail(limits, '192.0.2.2', 'acme/shop/web', LIMIT);
      clock.advanceSeconds(45);
      expect(verdict(limits, '192.0.2.2', 'acme/shop/web')).toBe(15);
    });

    it('accept the source again after the minute', () => {
      fail(limits, '192.0.2.3', 'acme/shop/web', LIMIT);
      clock.advanceSeconds(60);
      expect(verdict(limits, '192.0.2.3', 'acme/shop/web')).toBe('accepted');
    });

    it('accept another source for the same client', () => {
      fail(limits, '192.0.2.4', 'acme/shop/web', LIMIT);
      expect(verdict(limits, '192.0.2.5', 'acme/shop/web')).toBe('accepted');
    });

    it('accept the same source for another client', () => {
      fail(limits, '192.0.2.6', 'acme/shop/web', LIMIT);
      expect(verdict(limits, '192.0.2.6', 'acme/shop/app')).toBe('accepted');
    });

    it('accept a source below ten times the limit over all clients', () => {
      for (let client = 0; client < 10; client++)
        fail(limits, '192.0.2.7', `acme/shop/c${client}`, LIMIT - (client === 0 ? 1 : 0));
      expect(verdict(limits, '192.0.2.7', 'acme/shop/other')).toBe('accepted');
    });

    it('reject a source at ten times the limit, for every client', () => {
      for (let client = 0; client < 10; client++) fail(limits, '192.0.2.8', `acme/shop/c${client}`, LIMIT);
      expect(verdict(limits, '192.0.2.8', 'acme/shop/other')).toBe(60);
      expect(verdict(limits, '192.0.2.9', 'acme/shop/other')).toBe('accepted');
    });

    it('take all addresses of an IPv6 /64 for one source', () => {
      for (let host = 1; host <= LIMIT; host++) fail(limits, `2001:db8:0:1::${host.toString(16)}`, 'acme/shop/web', 1);
      expect(verdict(limits, '2001:db8:0:1:ffff::1', 'acme/shop/web')).toBe(60);
      expect(verdict(limits, '2001:db8:0:2::1', 'acme/shop/web')).toBe('accepted');
    });

    it('do not care about a clock that somebody set', () => {
      fail(limits, '192.0.2.10', 'acme/shop/web', LIMIT);
      clock.jumpSeconds(3600);
      expect(verdict(limits, '192.0.2.10', 'acme/shop/web')).toBe(60);
    });
  });
}

export function fail(limits: FailureLimits, source: string, client: string, times: number): void {
  for (let time = 0; time < times; time++) limits.recordFailure(source, client);
}

/** `accepted`, or the seconds after which to come back. */
export function verdict(limits: FailureLimits, source: string, client: string): 'accepted' | number | undefined {
  try {
    limits.check(source, client);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    expect(error).toMatchObject({ code: 'too_many_requests', reason: 'too many failures' });
    return error.retryAfterSeconds;
  }
}
