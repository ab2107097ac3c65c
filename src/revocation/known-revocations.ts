import { type RevocableToken, RevocationList } from '@tessera/token/core';
import type { RevocationRecord } from './revocation-records.ts';
import { FeedPages, type WrittenPage } from './feed/feed-pages.ts';
import { RevocationOrigins } from './revocation-origins.ts';

/** Copying the list costs as much as reading it. It is worth it if this share of the memory becomes free. */
const WASTEFUL_SHARE = 1 / 4;
const FEWEST_DEAD = 1_000;

/**
 * All current revocations in memory: the list for this server's own guards, and the pages of the feed, each serialized once for all requests with the
 * same number.
 */
export class KnownRevocations {
  readonly #issuerOf: (tenantId: string) => string;
  readonly #issuers = new Map<string, string>();
  readonly #pages = new FeedPages();
  #list = new RevocationList();
  #origins = new RevocationOrigins();
  #sequence = 0;
  /** Entries whose `until` is before this time have expired; epoch seconds. */
  #now = 0;
  #dead = 0;
  /** Index of the first entry that has not expired. */
  #first = 0;

  constructor(issuerOf: (tenantId: string) => string) {
    this.#issuerOf = issuerOf;
  }

  /** All entries up to this number are known. */
  get sequence(): number {
    return this.#sequence;
  }

  get size(): number {
    return this.#list.size - this.#dead;
  }

  /**
   * @param records in order, all with numbers above `sequence`
   * @param sequence the number up to which the list is now complete
   */
  add(records: readonly RevocationRecord[], sequence: number): void {
    let dropped = 0;
    for (const { tenantId, kind, id, before, until, seq, client, replaces } of records) {
      if (client !== undefined && replaces !== undefined)
        dropped += this.#origins.takeRowsOf(tenantId, client, (index) => {
          this.#list.drop(index);
        });
      this.#list.add({ issuer: this.#issuer(tenantId), kind, id, before, until });
      this.#origins.add(seq, tenantId, client, replaces);
    }
    this.#sequence = sequence;
    if (dropped > 0) this.#recount();
    else this.#pages.extend();
  }

  /** @param now epoch seconds */
  forget(now: number): void {
    const dead = this.#list.countDead(now);
    this.#now = now;
    if (dead !== this.#dead) this.#recount();
  }

  /** Whether `compact` is worth its cost. */
  get isWasteful(): boolean {
    return this.#dead >= FEWEST_DEAD && this.#dead >= this.#list.size * WASTEFUL_SHARE;
  }

  /** Frees the memory of expired entries, in steps. Do not add entries during it. */
  async compact(): Promise<void> {
    const origins = this.#origins.emptyCopy();
    const list = await this.#list.copyOf(this.#now, (index) => {
      this.#origins.copyTo(origins, index);
    });
    this.#list = list;
    this.#origins = origins;
    this.#recount();
  }

  hits(token: RevocableToken, now: number): boolean {
    return this.#list.hits(token, now);
  }

  /**
   * The page after that number, as a serialized response body.
   *
   * @param tenants only theirs; undefined: all
   */
  page(after: number, tenants?: readonly string[]): Buffer {
    const reset = this.#isForeign(after);
    return this.#pages.page({
      tenants,
      // All numbers that were never assigned get the same page, so that invented ones do not each make a buffer.
      start: reset ? this.#first : Math.max(this.#origins.firstAfter(after), this.#first),
      first: this.#first,
      reset,
      write: (start, limit) => this.#write(start, limit, reset, tenants),
    });
  }

  /** Whether there is anything to send for that cursor. */
  hasNews(after: number, tenants?: readonly string[]): boolean {
    if (tenants === undefined || this.#isForeign(after)) return after !== this.#sequence;
    return this.#next(this.#origins.firstAfter(after), this.#numbersOf(tenants)) < this.#list.size;
  }

  #write(start: number, limit: number, reset: boolean, tenants: readonly string[] | undefined): WrittenPage {
    const issuers = tenants === undefined ? undefined : this.#numbersOf(tenants);
    const entries: string[] = [];
    let last = 0;
    let index = this.#next(start, issuers);
    for (; index < this.#list.size && entries.length < limit; index = this.#next(index + 1, issuers)) {
      last = this.#origins.seqOf(index);
      entries.push(this.#entry(index, last));
    }
    const more = index < this.#list.size;
    const text = `{"sequence":${more ? last : this.#sequence},"entries":[${entries.join(',')}],"more":${more}${reset ? ',"reset":true' : ''}}`;
    return { body: Buffer.from(text), end: more ? index : undefined };
  }

  /** Members in the documented order; members without a value are left out. */
  #entry(index: number, seq: number): string {
    const { issuer, kind, id, before, until } = this.#list.at(index);
    return JSON.stringify({ seq, iss: issuer, kind, id, before, until, replaces: this.#origins.replacedBy(seq) });
  }

  /** The index of the first matching entry at or after `from` that has not expired. */
  #next(from: number, issuers: ReadonlySet<number> | undefined): number {
    let index = Math.max(from, this.#first);
    while (index < this.#list.size) {
      const isAsked = issuers === undefined || issuers.has(this.#list.issuerNumberOf(index));
      if (isAsked && this.#list.untilOf(index) >= this.#now) break;
      index++;
    }
    return index;
  }

  #numbersOf(tenants: readonly string[]): ReadonlySet<number> {
    const numbers = tenants.map((tenantId) => this.#list.issuerNumber(this.#issuerOf(tenantId)));
    return new Set(numbers.filter((number) => number !== undefined));
  }

  /**
   * Whether the poller must start anew. A number that was never assigned comes from before a restore. A number below all kept entries is too old,
   * because the entries right after it were dropped. A poller that is reading several pages never needs an entry older than the oldest kept one.
   */
  #isForeign(after: number): boolean {
    const oldest = this.#first < this.#list.size ? this.#origins.seqOf(this.#first) : this.#sequence + 1;
    return after > this.#sequence || (after > 0 && after < oldest - 1);
  }

  #recount(): void {
    this.#dead = this.#list.countDead(this.#now);
    this.#first = 0;
    this.#first = this.#next(0, undefined);
    this.#pages.clear();
  }

  /** Shares one issuer string among all entries of a tenant. */
  #issuer(tenantId: string): string {
    let issuer = this.#issuers.get(tenantId);
    if (issuer === undefined) this.#issuers.set(tenantId, (issuer = this.#issuerOf(tenantId)));
    return issuer;
  }
}
