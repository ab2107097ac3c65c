import type { FailureLimits } from '../../src/rate-limit/failure-limits.ts';
import { fail, LIMIT, limitRefusalOf, verdict } from '../../src/testing/failure-limits.ts';
import type { TestClock } from '../../src/testing/test-clock.ts';

export interface LimitsUnderTest {
  readonly limits: FailureLimits;
  readonly clock: TestClock;
}

/** The behavior of limits, for a process that counts alone and for one that shares its counts. Each case has its own sources. */
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

    describe('slow a source at ten times the limit over all clients', () => {
      const client = 'acme/shop/other';
      const exceed = (source: string, from = 0) => {
        for (let other = from; other < 10; other++) fail(limits, source, `acme/shop/c${other}`, LIMIT);
      };

      it('and give each client a turn every five seconds', () => {
        exceed('192.0.2.20');
        expect(verdict(limits, '192.0.2.20', client)).toBe('accepted');
        expect(
          limitRefusalOf(() => {
            limits.recordFailure('192.0.2.20', client);
          }),
        ).toEqual(slowed(5));
        clock.advanceSeconds(2);
        expect(
          limitRefusalOf(() => {
            limits.check('192.0.2.20', client);
          }),
        ).toEqual(slowed(3));
        expect(verdict(limits, '192.0.2.20', 'acme/shop/third')).toBe('accepted');
        clock.advanceSeconds(3);
        expect(verdict(limits, '192.0.2.20', client)).toBe('accepted');
      });

      it('and do not affect other sources', () => {
        exceed('192.0.2.21');
        limits.recordFailure('192.0.2.22', client);
        expect(verdict(limits, '192.0.2.22', client)).toBe('accepted');
      });

      it('and keep closed what is closed', () => {
        exceed('192.0.2.23');
        expect(
          limitRefusalOf(() => {
            limits.check('192.0.2.23', 'acme/shop/c0');
          }),
        ).toEqual({
          reason: 'too many failures',
          retryAfterSeconds: 60,
        });
      });

      it('and end it with the minute', () => {
        exceed('192.0.2.24');
        clock.advanceSeconds(60);
        limits.recordFailure('192.0.2.24', client);
        expect(verdict(limits, '192.0.2.24', client)).toBe('accepted');
      });

      it('and store no invented names', () => {
        exceed('192.0.2.25');
        const { size } = limits;
        for (let name = 0; name < 1_000; name++)
          expect(
            limitRefusalOf(() => {
              limits.recordStray('192.0.2.25', `acme/shop/invented-${name}`);
            }),
          ).toEqual(slowed(5));
        expect(limits.size).toBe(size);
        expect(verdict(limits, '192.0.2.25', client)).toBe('accepted');
      });

      it('and do not slow a client that authenticated there lately, up to its own limit', () => {
        fail(limits, '192.0.2.26', 'acme/shop/c0', LIMIT);
        limits.recordAuthentication('192.0.2.26', client);
        exceed('192.0.2.26', 1);
        fail(limits, '192.0.2.26', client, LIMIT - 1);
        expect(verdict(limits, '192.0.2.26', client)).toBe('accepted');
        limits.recordFailure('192.0.2.26', client);
        expect(verdict(limits, '192.0.2.26', client)).toBe(60);
      });

      it('and lock out no client, however many others are guessed at', () => {
        exceed('192.0.2.27');
        for (let guess = 0; guess < 30 * LIMIT; guess++)
          expect(
            limitRefusalOf(() => {
              limits.recordFailure('192.0.2.27', `acme/shop/d${guess}`);
            }),
          ).toEqual(slowed(5));
        expect(verdict(limits, '192.0.2.27', client)).toBe('accepted');
        expect(verdict(limits, '192.0.2.27', 'acme/shop/d1')).toBe(5);
        clock.advanceSeconds(5);
        expect(verdict(limits, '192.0.2.27', 'acme/shop/d1')).toBe('accepted');
      });
    });

    it('answer with a short Retry-After if nothing is closed', () => {
      const stray = () => {
        limits.recordStray('192.0.2.28', 'oidcToken');
      };
      for (let time = 0; time < LIMIT; time++) stray();
      expect(limitRefusalOf(stray)).toEqual({ reason: 'too many failures', retryAfterSeconds: 10 });
      clock.advanceSeconds(55);
      expect(limitRefusalOf(stray)).toEqual({ reason: 'too many failures', retryAfterSeconds: 5 });
      clock.advanceSeconds(5);
      expect(limitRefusalOf(stray)).toBeUndefined();
    });

    describe('count refusals of an authenticated client', () => {
      const refuse = (source: string, name: string, times: number) => {
        for (let time = 0; time < times; time++) limits.recordRefusal(source, 'acme/shop/web', 'subject', name);
      };

      it('per source, client and what it asks for, and close nothing', () => {
        refuse('192.0.2.30', 'ada@acme.example', LIMIT);
        expect(
          limitRefusalOf(() => {
            refuse('192.0.2.30', 'ada@acme.example', 1);
          }),
        ).toEqual({
          reason: 'too many failures, per subject',
          retryAfterSeconds: 60,
        });
        refuse('192.0.2.30', 'bob@acme.example', 1);
        refuse('192.0.2.31', 'ada@acme.example', 1);
        expect(verdict(limits, '192.0.2.30', 'acme/shop/web')).toBe('accepted');
        clock.advanceSeconds(60);
        refuse('192.0.2.30', 'ada@acme.example', 1);
      });

      it('without dropping counted guesses', () => {
        fail(limits, '192.0.2.32', 'acme/shop/web', LIMIT);
        for (let name = 0; name < 1_000; name++) refuse('192.0.2.32', `u${name}@acme.example`, 1);
        expect(verdict(limits, '192.0.2.32', 'acme/shop/web')).toBe(60);
      });
    });

    it('count all addresses of an IPv6 /64 as one source', () => {
      for (let host = 1; host <= LIMIT; host++) fail(limits, `2001:db8:0:1::${host.toString(16)}`, 'acme/shop/web', 1);
      expect(verdict(limits, '2001:db8:0:1:ffff::1', 'acme/shop/web')).toBe(60);
      expect(verdict(limits, '2001:db8:0:2::1', 'acme/shop/web')).toBe('accepted');
    });

    it('do not depend on changes of the wall clock', () => {
      fail(limits, '192.0.2.10', 'acme/shop/web', LIMIT);
      clock.jumpSeconds(3600);
      expect(verdict(limits, '192.0.2.10', 'acme/shop/web')).toBe(60);
    });
  });
}

function slowed(retryAfterSeconds: number) {
  return { reason: 'too many failures, per source', retryAfterSeconds };
}
