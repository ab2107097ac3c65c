import { type FetchedKeys, JwksClient } from '@tessera/token/core';
import { TesseraError } from '../../errors/tessera-error.ts';
import { Deadline } from '../../runtime/deadline.ts';
import type { Log } from '../../logging/log.ts';
import { type Clock, SystemClock } from '../../domain/clock.ts';
import { UnknownKeyTokens } from './unknown-key-tokens.ts';
import type { Egress } from '../egress/egress.ts';
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
// Together with the fetch, requests succeed within the promised 5 s after the issuer is back.
const LONGEST_PAUSE_MS = 4_000;
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

interface NumberedKeySet extends ProviderKeySet {
  /** The number of the fetch that returned the set. */
  readonly number: number;
}

/**
 * Finds keys of one issuer for its tokens. `JwksClient` decides when the set is fetched; this class decides the answer to a question.
 *
 * Fetches are numbered, because only a fetch that began after the question shows that the issuer has no such key. An older set says nothing
 * about newer keys.
 */
export class RemoteKeySet {
  readonly #source: KeySource;
  readonly #options: RemoteKeySetOptions;
  readonly #client: JwksClient<NumberedKeySet>;
  readonly #planned: PlannedSearch;
  readonly #unknownKeyTokens = new UnknownKeyTokens();

  /** How many fetches have begun. */
  #fetches = 0;
  /** Kids that the issuer has withdrawn. */
  readonly #withdrawn = new Set<string>();
  #discovered: { readonly jwksUri: string; readonly at: number } | undefined;
  #loggedSkips = '';
  /** Questions that had to wait since the last fetch. */
  #waits = 0;

  constructor(source: KeySource, options: RemoteKeySetOptions) {
    this.#source = source;
    this.#options = options;
    this.#client = new JwksClient({
      fetch: () => this.#fetch(),
      nowMs: () => this.#now(),
      ages: { refreshAfterMs: REFRESH_AFTER_MS, maxAgeMs: MAX_AGE_MS, staleMs: STALE_MS },
      longestPauseMs: LONGEST_PAUSE_MS,
      searches: new KeySearchBudget(),
    });
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
    const at = Math.max(this.#client.nextSearchAtMs(question.account), this.#now() + SEARCH_COOLDOWN_MS);
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
      this.#planned.add(question.account, this.#client.nextSearchAtMs(question.account), asked);
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
    if (this.#client.isFailing) throw this.#unavailable();
    const { kid = '' } = question.token;
    if (this.#setNumber > first || this.#withdrawn.has(kid)) throw noSuchKey();
    throw this.#notKnownNow(this.#planned.add(question.account, this.#client.nextSearchAtMs(question.account), asked));
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
      const fetch = this.#client.inFlight ?? this.#client.search(question.account, this.#now());
      if (fetch === undefined || (await fetch).kind !== 'read') return undefined;
      const key = this.#client.last && keyFor(question, this.#client.last);
      if (key !== undefined && isWanted(key)) return key;
    }
    return undefined;
  }

  async #searchAsPlanned(account: string, asked: number): Promise<void> {
    // A fetch that began before the questions does not answer them.
    await this.#client.inFlight;
    const now = this.#now();
    if (this.#setNumber <= asked && !this.#client.isPausing(now)) await this.#client.searchNow(account, now);
  }

  /**
   * The set, after a fetch if necessary. While the issuer is down, only the first caller after each pause fetches, and no caller with a usable set
   * waits.
   */
  async #current(): Promise<ProviderKeySet> {
    const now = this.#now();
    const set = this.#client.usable(now);
    if (set !== undefined) {
      this.#client.refreshInTime(now);
      return set;
    }
    await this.#client.readUnlessPausing();
    const fetched = this.#client.usable(this.#now());
    if (fetched === undefined) throw this.#unavailable();
    return fetched;
  }

  get #setNumber(): number {
    return this.#client.last?.number ?? 0;
  }

  async #fetch(): Promise<FetchedKeys<NumberedKeySet>> {
    const { egress, deadlineMs } = this.#options;
    const startedAt = this.#now();
    const number = ++this.#fetches;
    const known = this.#discovered;
    const isKnown = known !== undefined && startedAt - known.at <= DISCOVERY_AGE_MS;
    const jwksUri = this.#source.jwksUri ?? (isKnown ? known.jwksUri : undefined);
    const fetched = await fetchKeySet(egress, { ...this.#source, jwksUri }, new Deadline(REAL_TIME, deadlineMs));
    if (fetched.set === undefined) {
      this.#discovered = undefined;
      this.#logFailure(fetched.refusal);
      return { kind: 'failed', failure: fetched.refusal };
    }
    if (jwksUri === undefined) this.#discovered = { jwksUri: fetched.jwksUri, at: startedAt };
    this.#logSuccess(fetched.set);
    this.#noteWithdrawn(fetched.set);
    this.#waits = 0;
    this.#planned.answer(number);
    return { kind: 'read', value: { ...fetched.set, number } };
  }

  /** Logs the first failure, and each one whose reason differs from the one before. */
  #logFailure(reason: string): void {
    if (this.#client.failure !== reason)
      this.#options.log.warn('identity_provider_keys_unavailable', { issuer: this.#source.issuer, reason });
  }

  #logSuccess({ skipped }: ProviderKeySet): void {
    const { log } = this.#options;
    const { issuer } = this.#source;
    if (this.#client.isFailing) log.info('identity_provider_keys_recovered', { issuer });
    const reasons = skipped.filter(({ isForOtherPurpose }) => !isForOtherPurpose).map(({ reason }) => reason);
    const skips = [...new Set(reasons)].join('; ');
    if (skips !== '' && skips !== this.#loggedSkips)
      log.warn('identity_provider_keys_skipped', { issuer, reason: skips });
    this.#loggedSkips = skips;
  }

  #noteWithdrawn(set: ProviderKeySet): void {
    const kids = new Set(set.keys.map(({ kid }) => kid));
    for (const { kid } of this.#client.last?.keys ?? []) if (kid !== undefined) this.#withdrawn.add(kid);
    for (const kid of this.#withdrawn)
      if (kids.has(kid) || this.#withdrawn.size > MAX_WITHDRAWN) this.#withdrawn.delete(kid);
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #unavailable(): TesseraError {
    return new TesseraError('temporarily_unavailable', `identity provider: ${this.#client.failure ?? 'no keys'}`, {
      retryAfterSeconds: this.#secondsUntil(this.#client.nextReadAtMs),
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
