import type { CloseSignal } from '../runtime/close-signal.ts';
import { fetchJson } from '../json/fetch-json.ts';
import { parseKeySet } from './key-set.ts';
import type { MonotonicClock } from '../runtime/monotonic-clock.ts';
import { TokenError } from '../verify/token-error.ts';
import type { VerificationKey } from './verification-key.ts';

/** Finds an issuer's key by its kid. */
export interface KeySet {
  /**
   * Returns the key if it is in memory; otherwise a promise, which rejects with the same errors.
   *
   * @throws TokenError `TOKEN_KEY_UNKNOWN`, `TOKEN_ISSUER_UNTRUSTED`, `KEYS_UNAVAILABLE`
   */
  find(kid: string): VerificationKey | Promise<VerificationKey>;
  /** Fetches the set now, even if one is in memory. Rejects with `TOKEN_ISSUER_UNTRUSTED` or `KEYS_UNAVAILABLE`. */
  hydrate(): Promise<void>;
}

export interface RemoteKeySetSettings {
  readonly maxAgeMs: number;
  readonly staleMs: number;
  readonly cooldownMs: number;
  readonly timeoutMs: number;
}

type Outcome = 'loaded' | 'absent' | 'failed';

// Room for a hundred RSA-4096 keys with certificates.
const MAX_BYTES = 256 * 1_024;
const MAX_DEPTH = 8;
const FIRST_PAUSE_MS = 1_000;

/**
 * One issuer's keys, fetched from that issuer. The set in memory is used while the issuer does not answer. The pauses here limit how often the issuer
 * is asked, whatever kids the callers send.
 */
export class RemoteKeySet implements KeySet {
  readonly #url: string;
  readonly #settings: RemoteKeySetSettings;
  readonly #clock: MonotonicClock;
  readonly #closing: CloseSignal;
  /** Called before the first fetch of a set. False: do not fetch now. */
  readonly #mayFetchFirst: () => boolean;
  readonly #onLoaded: () => void;

  #keys: ReadonlyMap<string, VerificationKey> | undefined;
  #loadedAt = 0;
  #inFlight: Promise<Outcome> | undefined;
  #failures = 0;
  #nextTryAt = -Infinity;
  #nextSearchAt = -Infinity;
  #absentUntil = -Infinity;

  constructor(
    url: string,
    settings: RemoteKeySetSettings,
    clock: MonotonicClock,
    closing: CloseSignal,
    hooks: { readonly mayFetchFirst: () => boolean; readonly onLoaded: () => void },
  ) {
    this.#url = url;
    this.#settings = settings;
    this.#clock = clock;
    this.#closing = closing;
    this.#mayFetchFirst = hooks.mayFetchFirst;
    this.#onLoaded = hooks.onLoaded;
  }

  find(kid: string): VerificationKey | Promise<VerificationKey> {
    const now = this.#clock.nowMs();
    if (now < this.#absentUntil) throw unknownIssuer();
    const served = now - this.#loadedAt <= this.#settings.staleMs ? this.#keys : undefined;
    const key = served?.get(kid);
    if (key !== undefined) {
      if (now - this.#loadedAt > this.#settings.maxAgeMs && now >= this.#nextTryAt) void this.#load();
      return key;
    }
    return this.#fetched(kid, this.#inFlight ?? (served === undefined ? this.#loadFirst(now) : this.#search(now)));
  }

  /** Awaits at most one fetch, so that verification never takes longer than one deadline. */
  async #fetched(kid: string, fetched: Promise<Outcome> | Outcome): Promise<VerificationKey> {
    const outcome = await fetched;
    if (outcome === 'absent') throw unknownIssuer();
    if (outcome === 'failed') throw this.#unavailable();
    const found = this.#keys?.get(kid);
    if (found === undefined) throw new TokenError('TOKEN_KEY_UNKNOWN', 'the key set has no usable key of this kid');
    return found;
  }

  async hydrate(): Promise<void> {
    const outcome = await (this.#inFlight ?? this.#load());
    if (outcome === 'absent') throw unknownIssuer();
    if (outcome === 'failed') throw this.#unavailable();
  }

  /** There is no usable set in memory. */
  #loadFirst(now: number): Promise<Outcome> | Outcome {
    if (now < this.#nextTryAt) return 'failed';
    if (this.#keys === undefined && !this.#mayFetchFirst()) return 'failed';
    return this.#load();
  }

  /** The set in memory lacks the kid. It may be a new key or one of many random kids, so this fetches at most once per cool-down. */
  async #search(now: number): Promise<Outcome> {
    if (now < this.#nextTryAt) return 'failed';
    if (now < this.#nextSearchAt) return 'loaded';
    const outcome = await this.#load();
    if (outcome === 'loaded') this.#nextSearchAt = now + this.#settings.cooldownMs;
    return outcome;
  }

  /** All callers share the fetch in flight. Never rejects. */
  #load(): Promise<Outcome> {
    this.#inFlight ??= this.#fetch().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #fetch(): Promise<Outcome> {
    const { timeoutMs, cooldownMs } = this.#settings;
    const askedAt = this.#clock.nowMs();
    const answer = await fetchJson(this.#url, {
      timeoutMs,
      maxBytes: MAX_BYTES,
      maxDepth: MAX_DEPTH,
      closing: this.#closing,
    });
    if (answer.kind === 'absent') {
      // The tenant does not exist or was removed, so its keys must no longer verify anything.
      this.#keys = undefined;
      this.#absentUntil = this.#clock.nowMs() + cooldownMs;
      return 'absent';
    }
    const keys = answer.kind === 'json' ? parseKeySet(answer.value).keys : undefined;
    if (keys === undefined) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, cooldownMs);
      this.#failures++;
      this.#nextTryAt = this.#clock.nowMs() + pauseMs;
      return 'failed';
    }
    this.#keys = keys;
    this.#loadedAt = askedAt;
    this.#failures = 0;
    this.#nextTryAt = -Infinity;
    this.#onLoaded();
    return 'loaded';
  }

  #unavailable(): TokenError {
    const pauseMs = Math.max(0, this.#nextTryAt - this.#clock.nowMs());
    return new TokenError('KEYS_UNAVAILABLE', 'the key set cannot be fetched now', {
      retryAfterSeconds: pauseMs / 1_000,
    });
  }
}

function unknownIssuer(): TokenError {
  return new TokenError('TOKEN_ISSUER_UNTRUSTED', 'the issuer publishes no key set');
}
