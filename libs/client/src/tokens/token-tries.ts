import type { TokenClock } from './token-clock.ts';
import type { TokenResponse } from './token-provider-options.ts';
import { TokenRequestError } from './token-request-error.ts';

/** A response and when it was asked for: its lifetime counts from then, because the response may have been delayed. */
export interface TimedResponse {
  readonly response: TokenResponse;
  readonly askedAtMs: number;
  readonly askedAtMonotonicMs: number;
}

// The longest that a server's Retry-After can delay a caller.
const LONGEST_WAIT_MS = 10_000;
export const WAIT_MS = 1_000;

/**
 * Tries again after 503, 429 and lost connections.
 *
 * @throws TokenRequestError that of the last try
 */
export async function tryRepeatedly(
  tryOnce: () => Promise<TokenResponse>,
  maxTries: number,
  clock: TokenClock,
  closing: AbortSignal,
): Promise<TimedResponse> {
  for (let tries = 1; ; tries++) {
    const askedAtMs = clock.nowMs();
    const askedAtMonotonicMs = clock.monotonicMs();
    try {
      return { response: await tryOnce(), askedAtMs, askedAtMonotonicMs };
    } catch (error) {
      if (!(error instanceof TokenRequestError) || !isPassing(error) || tries >= maxTries) throw error;
      const waitMs = error.retryAfterSeconds === undefined ? WAIT_MS : error.retryAfterSeconds * 1_000;
      await clock.sleep(Math.min(waitMs, LONGEST_WAIT_MS), closing).catch(() => {
        throw error;
      });
    }
  }
}

/** Whether another try may succeed. */
function isPassing({ status, error }: TokenRequestError): boolean {
  return status === 503 || status === 429 || error === 'unreachable';
}
