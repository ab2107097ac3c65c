import { TesseraError } from '../../errors/tessera-error.ts';
import { Deadline } from '../../runtime/deadline.ts';
import type { Log } from '../../logging/log.ts';
import { type Clock, SystemClock } from '../../domain/clock.ts';
import { UnknownKeyTokens } from './unknown-key-tokens.ts';
import type { Egress } from '../egress/egress.ts';
import { FailedFetches } from './failed-fetches.ts';
import { fetchKeySet, type KeySource } from './fetch-key-set.ts';
import { findProviderKey, type ProviderKey, type ProviderKeySet } from './provider-key-set.ts';
import type { SubjectToken } from '../subject-token.ts';
import { KeySearchBudget, SEARCH_COOLDOWN_MS } from './key-search-budget.ts';
import { PlannedSearch } from './planned-search.ts';

export interface RemoteKeySetOptions {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  /** For discovery and keys together. A request waits at most this long. */
  readonly deadlineMs: number;
}

/** From this age on, a set is fetched again in the background. */
export const REFRESH_AFTER_MS = 5 * 60_000;
/** Maximum age of a set. A key that its issuer has withdrawn is accepted at most this long, unless the issuer does not answer. */
export const MAX_AGE_MS = 10 * 60_000;
/** How long the last good set is used while the issuer does not answer. */
export const STALE_MS = 60 * 60_000;
/** The URL of the keys changes far less often than the keys. A failed fetch repeats discovery anyway. */
export const DISCOVERY_AGE_MS = 60 * 60_000;
// As many as a set may have (provider-key-set.ts).
const MAX_WITHDRAWN = 100;
/** For the deadlines of fetches: sockets and resolvers use the system's time, too. */
const REAL_TIME = new SystemClock();
/** How many waits per cooldown are recorded, so that invented kids cannot fill the audit store. */
const RECORDED_WAITS = 20;

/** The key that a token needs, and who asks for it. */
export interface KeyQuestion {
  /** The account for searches of unknown keys: a tenant and its trusted issuer. */
  readonly account: string;
  readonly token: Pick<SubjectToken, 'algorithm' | 'kid' | 'signingInput'>;
}

export interface FoundKey {
  readonly key: ProviderKey;
  /** Whether the key was fetched after the question, so that it cannot have been replaced before it. */
  readonly isFresh: boolean;
}

/**
 * Caches one issuer's keys. No caller can cause more fetches than the pauses and the search budget allow.
 *
 * Fetches are numbered, because only a fetch that began after the question shows that the issuer has no such key. An older set says nothing
 * about newer keys.
 *
 * Not a SingleFlightCache: a set outlives its maximum age while the issuer is down, and whether a fetch may begin is decided by pauses and budgets.
 */
export class RemoteKeySet {
  readonly #source: KeySource;
  readonly #options: RemoteKeySetOptions;
  readonly #budget = new KeySearchBudget();
  readonly #planned: PlannedSearch;
  readonly #failed: FailedFetches;
  readonly #unknownKeyTokens = new UnknownKeyTokens();

  #set: ProviderKeySet | undefined;
  /** When the fetch of the set began. All times here are of the monotonic clock. */
  #loadedAt = -Infinity;
  /** The number of the fetch that returned the set. */
  #setNumber = 0;
  /** How many fetches have begun. */
  #fetches = 0;
  /** Kids that the issuer has withdrawn. */
  readonly #withdrawn = new Set<string>();
  #discovered: { readonly jwksUri: string; readonly at: number } | undefined;
  #inFlight: Promise<void> | undefined;
  #loggedSkips = '';
  /** Questions that had to wait since the last fetch. */
  #waits = 0;

  constructor(source: KeySource, options: RemoteKeySetOptions) {
    this.#source = source;
    this.#options = options;
    this.#failed = new FailedFetches(source.issuer, options.log, options.clock);
    this.#planned = new PlannedSearch(options.clock, (account, asked) => void this.#searchAsPlanned(account, asked));
  }

  /**
   * @throws TesseraError unauthorized if the issuer has no such key; temporarily_unavailable if that is unknown now, because the issuer does not
   * answer or may not be asked again yet
   */
  async find(question: KeyQuestion): Promise<FoundKey> {
    const asked = this.#fetches;
    const set = await this.#current();
    const key = keyFor(question, set);
    const isFresh = this.#setNumber > asked;
    if (key !== undefined) return { key, isFresh };
    if (isFresh) throw noSuchKey();
    if (isNewName(question, set)) return this.#findNew(question, asked);
    // A known kid with another algorithm, or no kid, is hardly ever a new key, so the caller does not wait. The set is fetched again later.
    const at = Math.max(this.#nextSearchAt(question), this.#now() + SEARCH_COOLDOWN_MS);
    this.#planned.add(question.account, at, asked);
    throw noSuchKey();
  }

  /**
   * Fetches the keys again after a key did not verify a signature: the issuer may have replaced the key under the same kid. If a fetch is not allowed
   * now, the old key's result stands, because anyone can write a wrong signature under a known kid, and a forgery must be refused, not deferred. A
   * search is then planned, so that a replaced key is known at the end of the cooldown.
   *
   * @returns undefined if there is no other key
   */
  async findAgain(question: KeyQuestion, failed: ProviderKey): Promise<ProviderKey | undefined> {
    const asked = this.#fetches;
    const first = this.#unknownKeyTokens.remember(question.token.signingInput, asked);
    const key = await this.#search(question, asked, ({ publicKey }) => !publicKey.equals(failed.publicKey));
    if (key === undefined && this.#setNumber <= first)
      this.#planned.add(question.account, this.#nextSearchAt(question), asked);
    return key;
  }

  /** Cancels the planned search and plans no more. */
  close(): void {
    this.#planned.close();
  }

  /** Handles a kid that is not in the set: a new key or an invented one. */
  async #findNew(question: KeyQuestion, asked: number): Promise<FoundKey> {
    const first = this.#unknownKeyTokens.remember(question.token.signingInput, asked);
    const key = await this.#search(question, asked, () => true);
    if (key !== undefined) return { key, isFresh: this.#setNumber > asked };
    // The cached set is older than the outage, so it is unknown whether the key is new.
    if (this.#failed.any) throw this.#unavailable();
    const { kid = '' } = question.token;
    if (this.#setNumber > first || this.#withdrawn.has(kid)) throw noSuchKey();
    throw this.#notKnownNow(this.#planned.add(question.account, this.#nextSearchAt(question), asked));
  }

  /**
   * Waits for the running fetch, and makes another if that one does not answer the question and another is allowed.
   *
   * @returns undefined if no key is wanted, or nothing can be fetched now
   */
  async #search(
    question: KeyQuestion,
    asked: number,
    isWanted: (key: ProviderKey) => boolean,
  ): Promise<ProviderKey | undefined> {
    while (this.#setNumber <= asked) {
      const fetch = this.#inFlight ?? this.#searchIfAllowed(question);
      if (fetch === undefined) return undefined;
      await fetch;
      if (this.#failed.any) return undefined;
      const key = this.#set && keyFor(question, this.#set);
      if (key !== undefined && isWanted(key)) return key;
    }
    return undefined;
  }

  #searchIfAllowed(question: KeyQuestion): Promise<void> | undefined {
    if (this.#failed.isPausing || this.#now() < this.#nextSearchAt(question)) return undefined;
    return this.#fetchOn(question.account);
  }

  #nextSearchAt({ account }: KeyQuestion): number {
    // While fetches fail, their pauses limit the requests, so that the issuer's return is noticed soon.
    return this.#failed.any ? this.#failed.nextTryAt : this.#budget.nextAt(account);
  }

  #fetchOn(account: string): Promise<void> {
    this.#budget.spend(account, this.#now());
    return this.#load();
  }

  async #searchAsPlanned(account: string, asked: number): Promise<void> {
    // A fetch that began before the questions does not answer them.
    await this.#inFlight;
    if (this.#setNumber <= asked && !this.#failed.isPausing) await this.#fetchOn(account);
  }

  /**
   * The set, after a fetch if necessary. While the issuer is down, only the first caller after each pause fetches, and no caller with a usable set
   * waits.
   */
  async #current(): Promise<ProviderKeySet> {
    const set = this.#set;
    const age = this.#now() - this.#loadedAt;
    if (set !== undefined && age <= REFRESH_AFTER_MS) return set;
    if (set !== undefined && (age <= MAX_AGE_MS || (this.#failed.any && age <= STALE_MS))) {
      if (!this.#failed.isPausing) void this.#load();
      return set;
    }
    if (this.#inFlight === undefined && this.#failed.isPausing) throw this.#unavailable();
    await this.#load();
    if (this.#set === undefined || this.#now() - this.#loadedAt > STALE_MS) throw this.#unavailable();
    return this.#set;
  }

  /** Runs one fetch at a time, shared by all callers. Never rejects. */
  #load(): Promise<void> {
    this.#inFlight ??= this.#fetch().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #fetch(): Promise<void> {
    const { egress, deadlineMs } = this.#options;
    const startedAt = this.#now();
    const number = ++this.#fetches;
    const known = this.#discovered;
    const isKnown = known !== undefined && startedAt - known.at <= DISCOVERY_AGE_MS;
    const jwksUri = this.#source.jwksUri ?? (isKnown ? known.jwksUri : undefined);
    const fetched = await fetchKeySet(egress, { ...this.#source, jwksUri }, new Deadline(REAL_TIME, deadlineMs));
    if (fetched.set === undefined) {
      this.#discovered = undefined;
      this.#failed.add(fetched.refusal);
      return;
    }
    if (jwksUri === undefined) this.#discovered = { jwksUri: fetched.jwksUri, at: startedAt };
    this.#loaded(fetched.set, number, startedAt);
  }

  #loaded(set: ProviderKeySet, number: number, startedAt: number): void {
    const { log } = this.#options;
    const { issuer } = this.#source;
    this.#failed.end();
    const skips = set.skipped.join('; ');
    if (skips !== '' && skips !== this.#loggedSkips)
      log.warn('identity_provider_keys_skipped', { issuer, reason: skips });
    this.#loggedSkips = skips;
    this.#noteWithdrawn(set);
    this.#set = set;
    this.#setNumber = number;
    this.#loadedAt = startedAt;
    this.#waits = 0;
    this.#planned.answer(number);
  }

  #noteWithdrawn(set: ProviderKeySet): void {
    const kids = new Set(set.keys.map(({ kid }) => kid));
    for (const { kid } of this.#set?.keys ?? []) if (kid !== undefined) this.#withdrawn.add(kid);
    for (const kid of this.#withdrawn)
      if (kids.has(kid) || this.#withdrawn.size > MAX_WITHDRAWN) this.#withdrawn.delete(kid);
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #unavailable(): TesseraError {
    return new TesseraError('temporarily_unavailable', `identity provider: ${this.#failed.reason}`, {
      retryAfterSeconds: this.#secondsUntil(this.#failed.nextTryAt),
    });
  }

  /** The error if the answer is unknown: the kid may belong to a key that is newer than the set. */
  #notKnownNow(searchAt: number): TesseraError {
    this.#waits += 1;
    return new TesseraError('temporarily_unavailable', 'identity provider: its keys are to be fetched for this kid', {
      retryAfterSeconds: this.#secondsUntil(searchAt),
      isRecorded: this.#waits <= RECORDED_WAITS,
    });
  }

  #secondsUntil(at: number): number {
    // At least 1, because 0 would make all callers retry at once.
    return Math.max(1, Math.ceil((at - this.#now()) / 1_000));
  }
}

function keyFor({ token }: KeyQuestion, set: ProviderKeySet): ProviderKey | undefined {
  return findProviderKey(set, token.algorithm, token.kid);
}

function isNewName({ token: { kid } }: KeyQuestion, set: ProviderKeySet): boolean {
  return kid !== undefined && !set.keys.some((known) => known.kid === kid);
}

function noSuchKey(): TesseraError {
  return new TesseraError('unauthorized', 'the issuer has no usable key of this kid and algorithm');
}
