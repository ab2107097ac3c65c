import type { Log } from '../../logging/log.ts';
import type { Clock } from '../../domain/clock.ts';

const EVERY_MS = 60_000;

/**
 * Warns of a peer that forwards requests but is not in `TESSERA_TRUSTED_PROXIES`. At most once a minute for all peers together, because every caller
 * can send such a header.
 */
export class UnlistedProxyWarning {
  readonly #log: Log;
  readonly #clock: Clock;
  #nextAtMs = -Infinity;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param peer the peer address of the connection, which is also the `source` in the access line; never an address from a header */
  give(peer: string): void {
    const now = this.#clock.monotonicMs();
    if (now < this.#nextAtMs) return;
    this.#nextAtMs = now + EVERY_MS;
    this.#log.warn('unlisted_proxy', {
      source: peer,
      effect: 'requests that it forwards belong to no network and count as from its address',
      fix: 'TESSERA_TRUSTED_PROXIES',
    });
  }
}
