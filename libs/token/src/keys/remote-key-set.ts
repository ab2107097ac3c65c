import type { CloseSignal } from '../runtime/close-signal.ts';
import { fetchJson } from '../json/fetch-json.ts';
import { type FetchedKeys, JwksClient, type SearchLimit } from './jwks-client.ts';
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

type Keys = ReadonlyMap<string, VerificationKey>;

// Room for a hundred RSA-4096 keys with certificates.
const MAX_BYTES = 256 * 1_024;
const MAX_DEPTH = 8;
/** An issuer's searches are on one account: all callers ask for keys of the same tenant. */
const ACCOUNT = 'issuer';

/** A successful search begins the cool-down. A failed one does not, because its pause is shorter. */
class SearchCooldown implements SearchLimit {
  readonly #cooldownMs: number;
  #nextAtMs = -Infinity;

  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs;
  }

  nextAtMs(): number {
    return this.#nextAtMs;
  }

  spend(_account: string, beganAtMs: number, outcome: FetchedKeys<unknown>['kind']): void {
    if (outcome === 'read') this.#nextAtMs = beganAtMs + this.#cooldownMs;
  }
}

/** One issuer's keys, found by kid alone: Tessera's kid is a thumbprint, so that a key never changes. */
export class RemoteKeySet implements KeySet {
  readonly #url: string;
  readonly #settings: RemoteKeySetSettings;
  readonly #clock: MonotonicClock;
  readonly #closing: CloseSignal;
  /** Called before the first fetch of a set. False: do not fetch now. */
  readonly #mayFetchFirst: () => boolean;
  readonly #onLoaded: () => void;
  readonly #client: JwksClient<Keys>;
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
    const { maxAgeMs, staleMs, cooldownMs } = settings;
    this.#client = new JwksClient({
      fetch: () => this.#fetch(),
      nowMs: () => clock.nowMs(),
      // A key that is too old only waits for its refetch when it is stale: only Tessera writes its key sets.
      ages: { refreshAfterMs: maxAgeMs, maxAgeMs: staleMs, staleMs },
      longestPauseMs: cooldownMs,
      searches: new SearchCooldown(cooldownMs),
    });
  }

  find(kid: string): VerificationKey | Promise<VerificationKey> {
    const now = this.#clock.nowMs();
    if (now < this.#absentUntil) throw unknownIssuer();
    const served = this.#client.usable(now);
    const key = served?.get(kid);
    if (key === undefined) return this.#findByFetch(kid, served, now);
    this.#client.refreshInTime(now);
    return key;
  }

  async hydrate(): Promise<void> {
    this.#keysOf(await this.#client.read());
  }

  /** Awaits at most one fetch, so that verification never takes longer than one deadline. */
  async #findByFetch(kid: string, served: Keys | undefined, now: number): Promise<VerificationKey> {
    const client = this.#client;
    const fetching = client.inFlight ?? (served === undefined ? this.#fetchFirst(now) : client.search(ACCOUNT, now));
    if (fetching === undefined && (served === undefined || client.isPausing(now))) throw this.#unavailable();
    const key = fetching && this.#keysOf(await fetching).get(kid);
    if (key === undefined) throw new TokenError('TOKEN_KEY_UNKNOWN', 'the key set has no usable key of this kid');
    return key;
  }

  /** There is no usable set in memory. */
  #fetchFirst(now: number): Promise<FetchedKeys<Keys>> | undefined {
    if (this.#client.isPausing(now)) return undefined;
    if (this.#client.last === undefined && !this.#mayFetchFirst()) return undefined;
    return this.#client.read();
  }

  #keysOf(fetched: FetchedKeys<Keys>): Keys {
    if (fetched.kind === 'gone') throw unknownIssuer();
    if (fetched.kind === 'failed') throw this.#unavailable();
    return fetched.value;
  }

  async #fetch(): Promise<FetchedKeys<Keys>> {
    const { timeoutMs, cooldownMs } = this.#settings;
    const limits = { timeoutMs, maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH, closing: this.#closing };
    const answer = await fetchJson(this.#url, limits);
    if (answer.kind === 'absent') {
      // The tenant does not exist or was removed, so its keys must no longer verify anything.
      this.#absentUntil = this.#clock.nowMs() + cooldownMs;
      return { kind: 'gone', failure: 'no key set' };
    }
    if (answer.kind === 'failed') return { kind: 'failed', failure: answer.reason };
    const { keys, refusal } = parseKeySet(answer.value);
    if (keys === undefined) return { kind: 'failed', failure: refusal };
    this.#onLoaded();
    return { kind: 'read', value: keys };
  }

  #unavailable(): TokenError {
    const pauseMs = Math.max(0, this.#client.nextReadAtMs - this.#clock.nowMs());
    return new TokenError('KEYS_UNAVAILABLE', 'the key set cannot be fetched now', {
      retryAfterSeconds: pauseMs / 1_000,
    });
  }
}

function unknownIssuer(): TokenError {
  return new TokenError('TOKEN_ISSUER_UNTRUSTED', 'the issuer publishes no key set');
}
