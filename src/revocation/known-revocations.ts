import { type RevocableToken, RevocationList } from '@tessera/token/core';
import type { RevocationRecord } from './revocation-records.ts';
import { FeedPages, type WrittenPage } from './feed/feed-pages.ts';
import { RevocationOrigins } from './revocation-origins.ts';

/** Copying the list costs as much as reading it: worth it when so much of its memory comes free. */
const WASTEFUL_SHARE = 1 / 4;
const FEWEST_DEAD = 1_000;

/**
 * All revocations of use, in memory: the list that this server's own guards go by, and the pages of the feed, each written once for all who ask
 * from the same number.
 */
export class KnownRevocations {
  readonly #issuerOf: (tenantId: string) => string;
  readonly #issuers = new Map<string, string>();
  readonly #pages = new FeedPages();
  #list = new RevocationList();
  #origins = new RevocationOrigins();
  #sequence = 0;
  /** Entries that ended before it are of no use; epoch seconds. */
  #now = 0;
  #dead = 0;
  /** Index of the first entry of use. */
  #first = 0;

  constructor(issuerOf: (tenantId: string) => string) {
    this.#issuerOf = issuerOf;
  }

  /** Every number up to it is known. */
  get sequence(): number {
    return this.#sequence;
  }

  get size(): number {
    return this.#list.size - this.#dead;
  }

  /**
   * @param records in order, all above `sequence`
   * @param sequence up to where nothing is missing now
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

  /** Whether `compact` is worth what it costs. */
  get isWasteful(): boolean {
    return this.#dead >= FEWEST_DEAD && this.#dead >= this.#list.size * WASTEFUL_SHARE;
  }

  /** Frees the memory of what was forgotten, in pieces. Nothing may be added meanwhile. */
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
   * What comes after that number; a body that is ready to be sent.
   *
   * @param tenants only theirs; undefined: all
   */
  page(after: number, tenants?: readonly string[]): Buffer {
    const reset = this.#isForeign(after);
    return this.#pages.page({
      tenants,
      // All numbers that were never handed out get the same page: made-up ones must not make a buffer each.
      start: reset ? this.#first : Math.max(this.#origins.firstAfter(after), this.#first),
      first: this.#first,
      reset,
      write: (start, limit) => this.#write(start, limit, reset, tenants),
    });
  }

  /** Whether an answer to that cursor says more than "nothing new". */
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

  /** Members in the order of the documentation; what an entry does not have is not there. */
  #entry(index: number, seq: number): string {
    const { issuer, kind, id, before, until } = this.#list.at(index);
    return JSON.stringify({ seq, iss: issuer, kind, id, before, until, replaces: this.#origins.replacedBy(seq) });
  }

  /** The first entry of use from there on. */
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
   * A number that was never handed out is from before a restore. One below everything that is kept is too old: what came right after it is
   * forgotten, so that the follower starts anew, from the oldest that is kept (which a follower in the middle of several pages never falls behind).
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

  /** One string for all entries of a tenant. */
  #issuer(tenantId: string): string {
    let issuer = this.#issuers.get(tenantId);
    if (issuer === undefined) this.#issuers.set(tenantId, (issuer = this.#issuerOf(tenantId)));
    return issuer;
  }
}
