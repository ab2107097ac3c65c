import type { Log } from '../../logging/log.ts';
import type { Clock } from '../../domain/clock.ts';

const EVERY_MS = 60_000;

/**
 * Tells the operator of a peer that forwards and is not in `TESSERA_TRUSTED_PROXIES`. Once a minute at most, whoever they are: each caller can
 * send such a header.
 */
export class UnlistedProxyWarning {
  readonly #log: Log;
  readonly #clock: Clock;
  #nextAtMs = -Infinity;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param peer the address of the connection, which is the `source` of the request's access line; never what a header says */
  give(peer: string): void {
    const now = this.#clock.monotonicMs();
    if (now < this.#nextAtMs) return;
    this.#nextAtMs = now + EVERY_MS;
    this.#log.warn('unlisted_proxy', {
      source: peer,
      effect: 'what it forwards belongs to no network and counts as from its address',
      fix: 'TESSERA_TRUSTED_PROXIES',
    });
  }
}
