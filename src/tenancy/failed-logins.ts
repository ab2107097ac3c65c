import { LRUCache } from 'lru-cache';
import type { LoginFailure } from '../database/mysql/pool/detached-connection.ts';

/** So many failures in a row are no accident. */
const FAILED_LOGINS = 3;

/** Long if a server refuses, because it may count failed logins; short if it is slow, because a busy server is so for a moment. */
const PAUSE_MS: Readonly<Record<LoginFailure, number>> = { refused: 300_000, slow: 10_000 };

const MAX_SERVERS = 1000;

/** Servers, or proxies before them, on which logging in anew on an open connection fails. Their connections are not handed over for a while. */
export class FailedLogins {
  readonly #inARow = new LRUCache<string, number>({ max: MAX_SERVERS, ttl: PAUSE_MS.refused });

  areTooMany(server: string): boolean {
    return (this.#inARow.get(server) ?? 0) >= FAILED_LOGINS;
  }

  failed(server: string, how: LoginFailure): void {
    this.#inARow.set(server, (this.#inARow.get(server) ?? 0) + 1, { ttl: PAUSE_MS[how] });
  }

  succeeded(server: string): void {
    this.#inARow.delete(server);
  }
}
