import { unavailable } from '../errors/tessera-error.ts';
import { type Clock, epochSeconds } from '../domain/clock.ts';

/** No token is started under a list of revocations that is older: above the usual time between two readings, so that hardly anybody waits for one. */
export const MAX_UNHEARD_MS = 750;

/** From working out how far a revocation reaches to its commit; what took longer is followed by another that reaches further. */
const COMMIT_MS = 350;

/** How far the clocks of servers and operators may be apart without a gap in what is revoked. */
const CLOCK_MARGIN_MS = 650;

/** A database that is so slow so often is not there. */
const ATTEMPTS = 5;

/** Below 2 s, so that new tokens are good within 3: when the rest of the second is over as well. */
const REACH_MS = MAX_UNHEARD_MS + COMMIT_MS + CLOCK_MARGIN_MS;

/** The last second of tokens that a revocation of now must end: servers go on so long without having heard of it. */
export function reachFrom(nowMs: number): number {
  return epochSeconds(nowMs + REACH_MS);
}

/**
 * Commits a revocation of many tokens, again when the commit took too long.
 *
 * @param commit gets the last second of tokens that it must end, epoch seconds
 * @returns what the last commit returned
 * @throws TesseraError temporarily_unavailable when it took too long each time: some tokens of that time may live
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
    // A database far away takes as long again.
    allowedMs = 2 * tookMs;
  }
  throw unavailable('control database', 'a revocation takes too long to commit');
}
