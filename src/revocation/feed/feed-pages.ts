/** About 0.7 MB with ordinary ids, and below what followers take of one answer (4 MiB) with the longest. */
const ENTRIES_PER_PAGE = 4000;
/** Of a page that nobody shares: each answer holds one of its own until its client has read it. */
const ENTRIES_PER_UNSHARED_PAGE = 50;
/** Pages that are kept for whoever asks next, but for the last that is let in. Whoever makes up cursors and tenants must not fill memory with them. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** What a page takes beside its bytes and its name. */
const OVERHEAD_BYTES = 300;

export interface WrittenPage {
  readonly body: Buffer;
  /** Where the next page begins; undefined: this was the last. */
  readonly end: number | undefined;
}

export interface PageRequest {
  /** In the order in which they were asked for; undefined: all. */
  readonly tenants: readonly string[] | undefined;
  /** Index of the first entry that is asked for. */
  readonly start: number;
  /** Index of the first entry of all. */
  readonly first: number;
  readonly reset: boolean;
  readonly write: (start: number, limit: number) => WrittenPage;
}

/** Pages of the feed that were written, shared by all who ask for the same. */
export class FeedPages {
  readonly #kept = new Map<string, WrittenPage>();
  #keptBytes = 0;
  /**
   * Where pages begin for those who read everything from the beginning. They always get whole pages: those that are not kept are shared by whoever
   * reads them at the same time.
   */
  readonly #starts = new Set<number>();
  readonly #inFlight = new Map<string, WeakRef<Buffer>>();

  page({ tenants, start, first, reset, write }: PageRequest): Buffer {
    const name = `${reset ? 'reset' : start} ${tenants?.join(',') ?? '*'}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept.body;
    const isFromBeginning = tenants === undefined && !reset && (start === first || this.#starts.has(start));
    // The page of a reset is where all begin, too, and one for all whose number was never handed out.
    const isOfAll = isFromBeginning || (reset && tenants === undefined);
    const shared = isOfAll ? this.#inFlight.get(name)?.deref() : undefined;
    if (shared !== undefined) return shared;
    const hasRoom = this.#keptBytes < KEPT_BYTES;
    const page = write(start, isOfAll || hasRoom ? ENTRIES_PER_PAGE : ENTRIES_PER_UNSHARED_PAGE);
    if (isOfAll && page.end !== undefined) this.#starts.add(page.end);
    if (hasRoom) {
      this.#kept.set(name, page);
      this.#keptBytes += bytesOf(name, page);
    } else if (isOfAll) this.#inFlight.set(name, new WeakRef(page.body));
    return page.body;
  }

  /** There are more entries than before: what was the last page is not any more. */
  extend(): void {
    for (const [name, page] of this.#kept) {
      if (page.end !== undefined) continue;
      this.#kept.delete(name);
      this.#keptBytes -= bytesOf(name, page);
    }
    this.#inFlight.clear();
  }

  /** Entries are not where they were. */
  clear(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
    this.#starts.clear();
    this.#inFlight.clear();
  }
}

function bytesOf(name: string, { body }: WrittenPage): number {
  return body.byteLength + name.length * 2 + OVERHEAD_BYTES;
}
