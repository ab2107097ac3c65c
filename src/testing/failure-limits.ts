import { TesseraError } from '../errors/tessera-error.ts';
import type { FailureLimits } from '../rate-limit/failure-limits.ts';

/** Failures per minute that every instance under test allows. */
export const LIMIT = 20;

export function fail(limits: FailureLimits, source: string, client: string, times: number): void {
  for (let time = 0; time < times; time++) limits.recordFailure(source, client);
}

/** The refusal by the limit; undefined if there is none. */
export function limitRefusalOf(
  work: () => void,
): { reason: string; retryAfterSeconds: number | undefined } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    expect(error.code).toBe('too_many_requests');
    return { reason: error.reason, retryAfterSeconds: error.retryAfterSeconds };
  }
}

/** `accepted`, or the seconds after which to retry. */
export function verdict(limits: FailureLimits, source: string, client: string): 'accepted' | number | undefined {
  const refusal = limitRefusalOf(() => {
    limits.check(source, client);
  });
  return refusal === undefined ? 'accepted' : refusal.retryAfterSeconds;
}
