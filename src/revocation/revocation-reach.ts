import { unavailable } from '../errors/tessera-error.ts';
import { type Clock, epochSeconds } from '../domain/clock.ts';

/** Maximum age of the list of revocations when a token is started. Longer than the poll interval, so that a request rarely has to wait for a poll. */
export const MAX_LIST_AGE_MS = 750;

/** Time allowed from computing a revocation's reach to its commit. If the commit takes longer, another revocation with a longer reach follows. */
const COMMIT_MS = 350;

/** The clock difference between servers and operators that leaves no gap in revocations. */
const CLOCK_MARGIN_MS = 650;

/** A database that is too slow this many times counts as unavailable. */
const ATTEMPTS = 5;

/** Below 2 s, so that new tokens are valid within 3 s, including the rest of the last second. */
const REACH_MS = MAX_LIST_AGE_MS + COMMIT_MS + CLOCK_MARGIN_MS;

/** The last second of tokens that a revocation made now must cover, because servers issue tokens for that long before they read it. */
export function reachFrom(nowMs: number): number {
  return epochSeconds(nowMs + REACH_MS);
}

/**
 * Commits a revocation of many tokens, and again with a longer reach if the commit took too long.
 *
 * @param commit gets the last second of the tokens to revoke, epoch seconds
 * @returns the result of the last commit
 * @throws TesseraError temporarily_unavailable if it took too long each time: some tokens of that time may stay valid
 */
export async function commitInTime<T>(
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>,
  commit: (before: number) => Promise<T>,
): Promise<T> {
  let allowedMs = COMMIT_MS;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const startedAtMs = clock.monotonicMs();
    const result = await commit(reachFrom(clock.nowMs() + allowedMs - COMMIT_MS));
    const tookMs = clock.monotonicMs() - startedAtMs;
    if (tookMs <= allowedMs) return result;
    // A slow database will probably take as long again.
    allowedMs = 2 * tookMs;
  }
  throw unavailable('control database', 'a revocation takes too long to commit');
}
