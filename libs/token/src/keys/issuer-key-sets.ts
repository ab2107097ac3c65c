import type { CloseSignal } from '../runtime/close-signal.ts';
import type { MonotonicClock } from '../runtime/monotonic-clock.ts';
import { type KeySet, RemoteKeySet, type RemoteKeySetSettings } from './remote-key-set.ts';
import { TokenError } from '../verify/token-error.ts';
import type { KeyLocation, TrustedIssuers } from '../verify/trusted-issuers.ts';
import type { VerificationKey } from './verification-key.ts';

export interface IssuerKeySetsSettings extends RemoteKeySetSettings {
  readonly maxIssuers: number;
}

// Tokens of invented tenants must not make this service flood Tessera with requests.
const FIRST_FETCHES_PER_SECOND = 20;
// Enough to use the connection well, and few enough that a thousand listed tenants do not overload Tessera.
const HYDRATIONS_AT_ONCE = 10;

/** The key sets of all trusted issuers. An issuer that is not trusted has none and causes no request. */
export class IssuerKeySets {
  readonly #trusted: TrustedIssuers;
  readonly #settings: IssuerKeySetsSettings;
  readonly #clock: MonotonicClock;
  readonly #closing: CloseSignal;
  readonly #listed: ReadonlyMap<string, KeySet>;
  /** Sets that were loaded at least once, least recently used first. */
  readonly #known = new Map<string, KeySet>();
  /** Sets that were never loaded. They are kept apart, so that invented tenants evict each other and never a real one. */
  readonly #unknown = new Map<string, KeySet>();
  readonly #firstFetches: number[] = [];

  constructor(trusted: TrustedIssuers, settings: IssuerKeySetsSettings, clock: MonotonicClock, closing: CloseSignal) {
    this.#trusted = trusted;
    this.#settings = settings;
    this.#clock = clock;
    this.#closing = closing;
    this.#listed = new Map(trusted.listed.map((location) => [location.issuer, this.#listedKeySet(location)]));
  }

  /** @returns undefined when the issuer is not trusted */
  of(issuer: string): KeySet | undefined {
    return this.#listed.get(issuer) ?? this.#unlisted(issuer);
  }

  /** Fetches the key sets of all listed issuers now. Tries all of them, then rejects with the first failure. */
  async hydrate(): Promise<void> {
    const sets = [...this.#listed.values()];
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let set = sets.pop(); set !== undefined; set = sets.pop())
        await set.hydrate().catch((error: unknown) => failures.push(error));
    };
    await Promise.all(Array.from({ length: HYDRATIONS_AT_ONCE }, worker));
    if (failures.length > 0) throw failures[0];
  }

  #listedKeySet(location: KeyLocation): KeySet {
    if (location.keys !== undefined) return new InlineKeySet(location.keys);
    return this.#remote(location.jwksUrl, { mayFetchFirst: () => true, onLoaded: () => undefined });
  }

  #unlisted(issuer: string): KeySet | undefined {
    for (const sets of [this.#known, this.#unknown]) {
      const set = sets.get(issuer);
      if (set !== undefined) {
        this.#keep(sets, issuer, set);
        return set;
      }
    }
    const location = this.#trusted.locateUnlisted(issuer);
    if (location?.jwksUrl === undefined) return undefined;
    const set: KeySet = this.#remote(location.jwksUrl, {
      mayFetchFirst: () => this.#mayFetchFirst(),
      onLoaded: () => {
        this.#unknown.delete(issuer);
        this.#keep(this.#known, issuer, set);
      },
    });
    this.#keep(this.#unknown, issuer, set);
    return set;
  }

  #remote(url: string, hooks: { mayFetchFirst: () => boolean; onLoaded: () => void }): RemoteKeySet {
    return new RemoteKeySet(url, this.#settings, this.#clock, this.#closing, hooks);
  }

  /** Makes the issuer the most recently used one, and evicts the least recently used one when there are too many. */
  #keep(sets: Map<string, KeySet>, issuer: string, set: KeySet): void {
    sets.delete(issuer);
    sets.set(issuer, set);
    if (sets.size > this.#settings.maxIssuers) for (const oldest of sets.keys()) return void sets.delete(oldest);
  }

  #mayFetchFirst(): boolean {
    const now = this.#clock.nowMs();
    while (this.#firstFetches.length > 0 && now - (this.#firstFetches[0] ?? 0) >= 1_000) this.#firstFetches.shift();
    if (this.#firstFetches.length >= FIRST_FETCHES_PER_SECOND) return false;
    this.#firstFetches.push(now);
    return true;
  }
}

/** Keys from the options. They are never fetched and do not age. */
class InlineKeySet implements KeySet {
  readonly #keys: ReadonlyMap<string, VerificationKey>;

  constructor(keys: ReadonlyMap<string, VerificationKey>) {
    this.#keys = keys;
  }

  find(kid: string): VerificationKey {
    const key = this.#keys.get(kid);
    if (key === undefined) throw new TokenError('TOKEN_KEY_UNKNOWN', 'the key set has no usable key of this kid');
    return key;
  }

  hydrate(): Promise<void> {
    return Promise.resolve();
  }
}
