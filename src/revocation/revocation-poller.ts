import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ForgettingTime, type RevocableToken, type VerifiedToken } from '@tessera/token/core';
import { CONFIG } from '../config/config-token.ts';
import type { CachesConfig } from '../config/config.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { RevokedTokens } from './revoked-tokens.ts';
import { Log } from '../logging/log.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { issuerOf } from '../domain/issuer.ts';
import { READ_AT_ONCE, type RevocationRecord, RevocationRecords } from './revocation-records.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import { KnownRevocations } from './known-revocations.ts';

/** What is needed of the control database. */
export interface RevocationSource {
  sequence(): Promise<number>;
  newerThan(seq: number): Promise<RevocationRecord[]>;
  clean(now: number): Promise<void>;
}

/** Whose revocations are news; `all` when the list is another one. */
export type NewsTenants = ReadonlySet<string> | 'all';

/** `changePollMs`: the time between two questions to the control database; below the promised 2 s. */
export interface RevocationPollerConfig {
  readonly publicUrl: string;
  readonly caches: Pick<CachesConfig, 'changePollMs'>;
}

/**
 * Followers take an answer for news of this moment. When the control database has not answered for this long, they get none, and go by their own rule for a
 * stale list. Several polls, so that one lost connection is no outage.
 */
const STALE_MS = 5_000;
/** Each time that something is forgotten, pages of the feed are written anew. */
const FORGETTING_MS = 30_000;
const CLEANING_MS = 5 * 60_000;
const CLOCK_MARGIN_SECONDS = 86_400;

/**
 * Follows the control database's list of revocations for this process: one question each round, however many tokens are judged and however many
 * follow the feed.
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
  readonly #forgetting = new ForgettingTime();
  #known: KnownRevocations;
  /** Something of use may have been forgotten: the list is read again, whole. */
  #isDoubtful = false;
  /** By the monotonic clock, when the last question that was answered was asked. */
  #heardAtMs = -Infinity;
  #forgotAtMs = -Infinity;
  #polling: Promise<void> | undefined;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #cleaning: NodeJS.Timeout | undefined;
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

  /** Resolves after the first round: with the control database there, the list is known before the first token is judged. */
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
  }

  /** Every number up to it is known. */
  get sequence(): number {
    return this.#known.sequence;
  }

  /** Called whenever the list has become longer, or another one. */
  onNews(listener: (tenants: NewsTenants) => void): void {
    this.#listeners.push(listener);
  }

  /** Called with what is new, once or more often, before the list has it. */
  onRevocations(listener: (records: readonly RevocationRecord[]) => void): void {
    this.#recordListeners.push(listener);
  }

  /** By the monotonic clock: what was committed until then is known here. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  hits(token: RevocableToken): boolean {
    return this.#known.hits(token, this.#now());
  }

  /** A list that is old goes on being used: the control database's outage must not shut out everybody, and what was revoked stays revoked. */
  override includes(token: VerifiedToken): boolean {
    if (this.#heardAtMs === -Infinity) throw neverRead();
    return this.hits(token);
  }

  /**
   * Whether an answer to that cursor says more than "nothing new".
   *
   * @param tenants of theirs alone; undefined: of all
   */
  hasNews(after: number, tenants?: readonly string[]): boolean {
    return this.#known.hasNews(after, tenants);
  }

  /** @throws TesseraError temporarily_unavailable when the list is too old to be called current */
  page(after: number, tenants?: readonly string[]): Buffer {
    if (this.#clock.monotonicMs() - this.#heardAtMs > STALE_MS)
      throw this.#heardAtMs === -Infinity ? neverRead() : unavailable('revocations', 'the list is too old');
    return this.#known.page(after, tenants);
  }

  /** For /metrics. */
  get size(): number {
    return this.#known.size;
  }

  /** One round; those who come while it runs share it. Never rejects. */
  poll(): Promise<void> {
    this.#polling ??= this.#round().finally(() => (this.#polling = undefined));
    return this.#polling;
  }

  /** Resolves when what is committed now is known here, or cannot be read. */
  async catchUp(): Promise<void> {
    // One that is under way may have asked before.
    await this.#polling;
    await this.poll();
  }

  /** Never rejects: what could not be removed stays until the next time. */
  async clean(): Promise<void> {
    try {
      // A day later than could be: a clock that ran ahead and is put back must not find a revocation forgotten.
      await this.#source.clean(this.#now() - CLOCK_MARGIN_SECONDS);
    } catch (error) {
      this.#log.warn('revocations_not_cleaned', { reason: reasonOfFailure(error) ?? 'not available' });
    }
  }

  async #round(): Promise<void> {
    const askedAtMs = this.#clock.monotonicMs();
    try {
      const news = await this.#follow();
      this.#heardAtMs = askedAtMs;
      if (this.#failing) this.#log.info('revocations_followed_again');
      this.#failing = false;
      if (news === 'all' || news.size > 0) for (const listener of this.#listeners) listener(news);
      // Takes a while, and nobody has to wait for it.
      if (this.#known.isWasteful) await this.#known.compact();
    } catch (error) {
      if (!this.#failing)
        this.#log.warn('revocations_not_followed', { reason: reasonOfFailure(error) ?? 'not available' });
      this.#failing = true;
    }
  }

  async #follow(): Promise<NewsTenants> {
    const { certain, wentBack: clockWentBack } = this.#forgetting.observe(this.#now(), this.#clock.monotonicMs());
    if (clockWentBack) this.#isDoubtful = true;
    const sequence = await this.#source.sequence();
    const wentBack = sequence < this.#known.sequence;
    if (wentBack) this.#log.error('revocations_went_back', { fix: 'see "Backup and restore" in docs/operation.md' });
    // A new list is used when it is whole: half a list would let in what was revoked.
    const isWhole = !wentBack && !this.#isDoubtful && this.#heardAtMs !== -Infinity;
    const known = isWhole ? this.#known : new KnownRevocations(this.#issuerOf);
    const tenants = await this.#readInto(known, sequence);
    if (!isWhole || this.#clock.monotonicMs() - this.#forgotAtMs >= FORGETTING_MS) {
      known.forget(certain);
      this.#forgotAtMs = this.#clock.monotonicMs();
    }
    this.#known = known;
    this.#isDoubtful = false;
    return isWhole ? tenants : 'all';
  }

  /** @returns whose revocations were read */
  async #readInto(known: KnownRevocations, sequence: number): Promise<ReadonlySet<string>> {
    const tenants = new Set<string>();
    for (let isFull = known.sequence < sequence; isFull;) {
      const records = await this.#source.newerThan(known.sequence);
      const last = records.at(-1)?.seq ?? 0;
      // Fewer than could be read at once: that was all, and numbers without a record were forgotten. After as many as could be read there may be one
      // that stands for some that are missing here, so that the end is not before it.
      isFull = records.length >= READ_AT_ONCE;
      for (const listener of this.#recordListeners) listener(records);
      known.add(records, isFull ? last : Math.max(sequence, last));
      for (const { tenantId } of records) tenants.add(tenantId);
      // An embedded database answers at once: without a pause a long list would be read in one go, and nothing else would get its turn.
      if (isFull) await nextTurn();
    }
    return tenants;
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
