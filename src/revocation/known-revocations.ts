import { type RevocableToken, RevocationList } from '@tessera/token/core';
import type { RevocationRecord } from '../tenancy/revocation-records.ts';

interface Entry {
  readonly seq: number;
  readonly until: number;
  /** As the feed writes it. */
  readonly json: string;
}

/** About 1 MB with ordinary ids, and below what followers take of one answer (4 MiB) with the longest. */
const ENTRIES_PER_PAGE = 4000;
/** Followers are at a few places; whoever makes cursors up shall not fill memory with pages. */
const PAGES_KEPT = 64;
/** Of a page that is not kept: each answer holds one of its own until its client has read it. */
const ENTRIES_PER_UNKEPT_PAGE = 50;
/** Where the page of all foreign numbers is kept; no index is below zero. */
const FOREIGN = -1;

/**
 * All revocations of use, in memory: the list that this server's own guards go by, and the pages of the feed, each written once for all who ask
 * from the same number.
 */
export class KnownRevocations {
  readonly #issuerOf: (tenantId: string) => string;
  readonly #list = new RevocationList();
  /** By the index of their first entry. */
  readonly #pages = new Map<number, Buffer>();
  #entries: Entry[] = [];
  #sequence = 0;

  constructor(issuerOf: (tenantId: string) => string) {
    this.#issuerOf = issuerOf;
  }

  /** Every number up to it is known. */
  get sequence(): number {
    return this.#sequence;
  }

  get size(): number {
    return this.#entries.length;
  }

  /**
   * @param records in order, all above `sequence`
   * @param sequence up to where nothing is missing now
   */
  add(records: readonly RevocationRecord[], sequence: number): void {
    for (const record of records) {
      const issuer = this.#issuerOf(record.tenantId);
      this.#list.add({ ...record, issuer });
      this.#entries.push(entryOf(record, issuer));
    }
    this.#sequence = sequence;
    this.#pages.clear();
  }

  /** @param now epoch seconds */
  forget(now: number): void {
    if (!this.#entries.some(({ until }) => until < now)) return;
    this.#entries = this.#entries.filter(({ until }) => until >= now);
    this.#list.forget(now);
    this.#pages.clear();
  }

  hits(token: RevocableToken, now: number): boolean {
    return this.#list.hits(token, now);
  }

  /** What comes after that number; a body that is ready to be sent. */
  page(after: number): Buffer {
    const reset = this.#isForeign(after);
    const start = reset ? 0 : firstAfter(this.#entries, after);
    // All numbers that were never handed out get the same page: made-up ones must not make a buffer each.
    const place = reset ? FOREIGN : start;
    const kept = this.#pages.get(place);
    if (kept !== undefined) return kept;
    // Whoever starts anew and goes on from there always finds whole pages, whatever others ask for.
    const keep = start % ENTRIES_PER_PAGE === 0 || this.#pages.size < PAGES_KEPT;
    const page = Buffer.from(this.#write(start, keep ? ENTRIES_PER_PAGE : ENTRIES_PER_UNKEPT_PAGE, reset));
    if (keep) this.#pages.set(place, page);
    return page;
  }

  #write(start: number, limit: number, reset: boolean): string {
    const entries = this.#entries.slice(start, start + limit);
    const more = start + entries.length < this.#entries.length;
    const sequence = more ? (entries.at(-1)?.seq ?? this.#sequence) : this.#sequence;
    const list = entries.map(({ json }) => json).join(',');
    return `{"sequence":${sequence},"entries":[${list}],"more":${more}${reset ? ',"reset":true' : ''}}`;
  }

  /**
   * A number that was never handed out is from before a restore. One below everything that is kept is too old: what came right after it is
   * forgotten, so that the follower starts anew, from the oldest that is kept (which a follower in the middle of several pages never falls behind).
   */
  #isForeign(after: number): boolean {
    const forgotten = (this.#entries[0]?.seq ?? this.#sequence + 1) - 1;
    return after > this.#sequence || (after > 0 && after < forgotten);
  }
}

/** Members in the order of the documentation; what a follower does not need (`before` of a revocation without one) is not there. */
function entryOf({ seq, kind, id, before, until }: RevocationRecord, iss: string): Entry {
  return { seq, until, json: JSON.stringify({ seq, iss, kind, id, before, until }) };
}

function firstAfter(entries: readonly Entry[], seq: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.seq ?? Infinity) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
