import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ExpiryClock, type RevocableToken, type VerifiedToken } from '@tessera/token/core';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { RevokedTokens } from './revoked-tokens.ts';
import { Log } from '../logging/log.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { issuerOf } from '../domain/issuer.ts';
import { READ_AT_ONCE, type RevocationRecord, RevocationRecords } from './revocation-records.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import { KnownRevocations } from './known-revocations.ts';

/** The part of the control database that is used here. */
export interface RevocationSource {
  sequence(): Promise<number>;
  newerThan(seq: number): Promise<RevocationRecord[]>;
  clean(now: number, signal: AbortSignal): Promise<void>;
}

/** The tenants with new revocations; `all` if the whole list was replaced. */
export type NewsTenants = ReadonlySet<string> | 'all';

/** `changePollMs`: the time between two questions to the control database; below the promised 2 s. */
export interface RevocationPollerConfig {
  readonly publicUrl: string;
  readonly caches: Pick<CachesConfig, 'changePollMs'>;
}

/**
 * Pollers treat an answer as current. If the control database has not answered for this time, they get no answer, and apply their own rule for a
 * stale list. Longer than several polls, so that one lost connection is not an outage.
 */
const STALE_MS = 5_000;
/** Interval of dropping expired entries, which also drops the cached pages of the feed. */
const FORGETTING_MS = 30_000;
const CLEANING_MS = 5 * 60_000;
const CLOCK_MARGIN_SECONDS = 86_400;

/**
 * Polls the control database's list of revocations for this process: one query per round, however many tokens are verified and however many pollers
 * the feed has.
 */
@Injectable()
export class RevocationPoller extends RevokedTokens implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #source: RevocationSource;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #issuerOf: (tenantId: string) => string;
  readonly #pollMs: number;
  readonly #listeners: ((tenants: NewsTenants) => void)[] = [];
  readonly #recordListeners: ((records: readonly RevocationRecord[]) => void)[] = [];
  readonly #expiryClock = new ExpiryClock();
  #known: KnownRevocations;
  /** A current entry may have been dropped: the whole list must be read again. */
  #isDoubtful = false;
  /** Read since the listeners were called. */
  #news: Set<string> | 'all' = new Set();
  /** When the last answered query was sent, by the monotonic clock. */
  #currentAsOfMs = -Infinity;
  #forgotAtMs = -Infinity;
  #polling: Promise<void> | undefined;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #cleaning: NodeJS.Timeout | undefined;
  readonly #ending = new AbortController();
  #stopped = false;

  constructor(
    @Inject(RevocationRecords) source: RevocationSource,
    clock: Clock,
    log: Log,
    @Inject(CONFIG) { publicUrl, caches }: RevocationPollerConfig,
  ) {
    super();
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
    this.#issuerOf = (tenantId) => issuerOf(publicUrl, tenantId);
    this.#pollMs = caches.changePollMs;
    this.#known = new KnownRevocations(this.#issuerOf);
  }

  /** Resolves after the first round. If the control database is available, the list is known before the first token is verified. */
  async onApplicationBootstrap(): Promise<void> {
    await this.poll();
    this.#schedule();
    this.#cleaning = setInterval(() => void this.clean(), CLEANING_MS);
    this.#cleaning.unref();
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#cleaning);
    this.#ending.abort();
  }

  /** Every number up to it is known. */
  get sequence(): number {
    return this.#known.sequence;
  }

  /** The listener is called when entries were added or the list was replaced. */
  onNews(listener: (tenants: NewsTenants) => void): void {
    this.#listeners.push(listener);
  }

  /** The listener gets new records, once or several times, before the list has them. */
  onRevocations(listener: (records: readonly RevocationRecord[]) => void): void {
    this.#recordListeners.push(listener);
  }

  /** By the monotonic clock. Everything committed until then is known here. */
  get currentAsOfMs(): number {
    return this.#currentAsOfMs;
  }

  hits(token: RevocableToken): boolean {
    return this.#known.hits(token, this.#now());
  }

  /** An old list stays in use: an outage of the control database must not lock everyone out, and revoked tokens stay revoked. */
  override includes(token: VerifiedToken): boolean {
    if (this.#currentAsOfMs === -Infinity) throw neverRead();
    return this.hits(token);
  }

  /**
   * Whether an answer to that cursor says more than "nothing new".
   *
   * @param tenants only their news; undefined: news of all
   */
  hasNews(after: number, tenants?: readonly string[]): boolean {
    return this.#known.hasNews(after, tenants);
  }

  /** @throws TesseraError temporarily_unavailable if the list is too old to be served as current */
  page(after: number, tenants?: readonly string[]): Buffer {
    if (this.#clock.monotonicMs() - this.#currentAsOfMs > STALE_MS)
      throw this.#currentAsOfMs === -Infinity ? neverRead() : unavailable('revocations', 'the list is too old');
    return this.#known.page(after, tenants);
  }

  /** For /metrics. */
  get size(): number {
    return this.#known.size;
  }

  /** Runs one round. Concurrent callers share it. Never rejects. */
  poll(): Promise<void> {
    this.#polling ??= this.#round().finally(() => (this.#polling = undefined));
    return this.#polling;
  }

  /** Resolves when everything committed by now is known here, or cannot be read. */
  async catchUp(): Promise<void> {
    // The running poll may have sent its query before.
    await this.#polling;
    await this.poll();
  }

  /** Removes expired records. Never rejects: what could not be removed stays until the next time. */
  async clean(): Promise<void> {
    try {
      // One day later than necessary: if a clock that ran ahead is set back, no current revocation must be missing.
      await this.#source.clean(this.#now() - CLOCK_MARGIN_SECONDS, this.#ending.signal);
    } catch (error) {
      this.#log.warn('revocations_not_cleaned', { reason: reasonOfFailure(error) ?? 'not available' });
    }
  }

  async #round(): Promise<void> {
    const askedAtMs = this.#clock.monotonicMs();
    try {
      await this.#follow();
      this.#currentAsOfMs = askedAtMs;
      if (this.#failing) this.#log.info('revocations_followed_again');
      this.#failing = false;
      this.#announce();
      // Slow, but nothing waits for it.
      if (this.#known.isWasteful) await this.#known.compact();
    } catch (error) {
      if (!this.#failing)
        this.#log.warn('revocations_not_followed', { reason: reasonOfFailure(error) ?? 'not available' });
      this.#failing = true;
      // What was read before the failure is known, and is not read again.
      this.#announce();
    }
  }

  #announce(): void {
    const news = this.#news;
    this.#news = new Set();
    if (news === 'all' || news.size > 0) for (const listener of this.#listeners) listener(news);
  }

  async #follow(): Promise<void> {
    const { certain, wentBack: clockWentBack } = this.#expiryClock.observe(this.#now(), this.#clock.monotonicMs());
    if (clockWentBack) this.#isDoubtful = true;
    const sequence = await this.#source.sequence();
    const wentBack = sequence < this.#known.sequence;
    if (wentBack) this.#log.error('revocations_went_back', { fix: 'see "Backup and restore" in docs/operation.md' });
    // A new list is used only when it is complete: a partial list would accept revoked tokens.
    const isWhole = !wentBack && !this.#isDoubtful && this.#currentAsOfMs !== -Infinity;
    const known = isWhole ? this.#known : new KnownRevocations(this.#issuerOf);
    await this.#readInto(known, sequence, isWhole);
    if (!isWhole || this.#clock.monotonicMs() - this.#forgotAtMs >= FORGETTING_MS) {
      known.forget(certain);
      this.#forgotAtMs = this.#clock.monotonicMs();
    }
    this.#known = known;
    this.#isDoubtful = false;
    if (!isWhole) this.#news = 'all';
  }

  /** @param isInUse whether the list is the one that is served: what is read into it is news at once */
  async #readInto(known: KnownRevocations, sequence: number, isInUse: boolean): Promise<void> {
    for (let isFull = known.sequence < sequence; isFull;) {
      const records = await this.#source.newerThan(known.sequence);
      const last = records.at(-1)?.seq ?? 0;
      // A short batch means that nothing is left; missing numbers belong to dropped records. After a full batch, a later record may replace some that
      // are missing here, so the list is complete only after that record.
      isFull = records.length >= READ_AT_ONCE;
      for (const listener of this.#recordListeners) listener(records);
      known.add(records, isFull ? last : Math.max(sequence, last));
      if (isInUse && this.#news !== 'all') for (const { tenantId } of records) this.#news.add(tenantId);
      // An embedded database answers synchronously. Without a pause, reading a long list would block the event loop.
      if (isFull) await nextTurn();
    }
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.poll().then(() => {
        this.#schedule();
      });
    }, this.#pollMs);
    this.#timer.unref();
  }

  #now(): number {
    return epochSeconds(this.#clock.nowMs());
  }
}

function neverRead(): Error {
  return unavailable('revocations', 'the list was never read');
}
