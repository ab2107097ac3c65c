import type { TokenClock } from './token-clock.ts';
import { TokenRequestError } from './token-request-error.ts';
import { type TimedResponse, WAIT_MS } from './token-tries.ts';

export interface ProvidedToken {
  readonly accessToken: string;
  /** Epoch seconds, by this machine's clock and the response's `expires_in`. */
  readonly expiresAt: number;
}

export interface TokenCacheLimits {
  readonly maxCached: number;
  /** How long before its expiry a token is replaced, at most half of its lifetime. */
  readonly refreshBeforeMs: number;
  /** `in the background`: the old token is returned meanwhile. `when asked`: the caller waits for the new one. */
  readonly renewal: 'in the background' | 'when asked';
}

interface Entry {
  token: { readonly provided: ProvidedToken; readonly refreshAtMs: number; readonly deadAtMs: number } | undefined;
  inFlight: Promise<ProvidedToken> | undefined;
  /** The earliest time of the next refresh, set after a failed one. */
  nextRefreshAtMs: number;
}

/** Tokens by key. Each is fetched once for all callers, and never returned after its expiry. */
export class TokenCache {
  readonly #limits: TokenCacheLimits;
  readonly #clock: TokenClock;
  readonly #entries = new Map<string, Entry>();

  constructor(limits: TokenCacheLimits, clock: TokenClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** @throws what `fetch` throws */
  async get(key: string, fetch: () => Promise<TimedResponse>): Promise<ProvidedToken> {
    const entry = this.#entry(key);
    const now = this.#clock.monotonicMs();
    const { token } = entry;
    const isInBackground = this.#limits.renewal === 'in the background';
    if (token === undefined || now >= (isInBackground ? token.deadAtMs : token.refreshAtMs))
      return this.#refresh(entry, fetch);
    if (now >= token.refreshAtMs && now >= entry.nextRefreshAtMs)
      // The old token is still valid. If renewing keeps failing, the error shows when it has expired.
      this.#refresh(entry, fetch).catch(() => undefined);
    return token.provided;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.token = undefined;
  }

  /** Makes the entry the most recently used one, and evicts the least recently used one when there are too many. */
  #entry(key: string): Entry {
    const entry = this.#entries.get(key) ?? { token: undefined, inFlight: undefined, nextRefreshAtMs: -Infinity };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#limits.maxCached)
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    return entry;
  }

  /** One request in flight per entry. */
  #refresh(entry: Entry, fetch: () => Promise<TimedResponse>): Promise<ProvidedToken> {
    entry.inFlight ??= this.#fetch(entry, fetch).finally(() => {
      entry.inFlight = undefined;
    });
    return entry.inFlight;
  }

  async #fetch(entry: Entry, fetch: () => Promise<TimedResponse>): Promise<ProvidedToken> {
    try {
      const { response, askedAtMs, askedAtMonotonicMs } = await fetch();
      const lifeMs = response.expires_in * 1_000;
      const provided: ProvidedToken = Object.freeze({
        accessToken: response.access_token,
        expiresAt: Math.floor(askedAtMs / 1_000) + response.expires_in,
      });
      const deadAtMs = askedAtMonotonicMs + lifeMs;
      const refreshAtMs = deadAtMs - Math.min(this.#limits.refreshBeforeMs, lifeMs / 2);
      entry.token = { provided, refreshAtMs, deadAtMs };
      entry.nextRefreshAtMs = -Infinity;
      return provided;
    } catch (error) {
      const { retryAfterSeconds = 0 } = error instanceof TokenRequestError ? error : {};
      entry.nextRefreshAtMs = this.#clock.monotonicMs() + Math.max(WAIT_MS, retryAfterSeconds * 1_000);
      throw error;
    }
  }
}
