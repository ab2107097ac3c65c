/** 3 ms of work and about 0.2 MB with usual ids. With the longest ids still far below 4 MiB, the largest answer that pollers accept. */
const ENTRIES_PER_PAGE = 1000;
/** The size of a page that is not shared. Each response holds its own copy in memory until its client has read it. */
const ENTRIES_PER_UNSHARED_PAGE = 50;
/** Limit of the cached pages, which the last page may exceed. Requests with invented cursors and tenants must not fill memory. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** Overhead of a cached page in addition to its body and key. */
const OVERHEAD_BYTES = 300;

export interface WrittenPage {
  readonly body: Buffer;
  /** Index where the next page begins; undefined if this is the last page. */
  readonly end: number | undefined;
}

export interface PageRequest {
  /** The requested tenants, in the order of the request; undefined: all. */
  readonly tenants: readonly string[] | undefined;
  /** Index of the first requested entry. */
  readonly start: number;
  /** Index of the first entry in the feed. */
  readonly first: number;
  readonly reset: boolean;
  readonly write: (start: number, limit: number) => WrittenPage;
}

/** Caches serialized pages of the feed, shared by all requests for the same page. */
export class FeedPages {
  readonly #kept = new Map<string, WrittenPage>();
  #keptBytes = 0;
  /**
   * Where pages begin for pollers that read the feed from the beginning. These pages always have full size. If they are not cached, concurrent
   * requests share them.
   */
  readonly #starts = new Set<number>();
  readonly #inFlight = new Map<string, WeakRef<Buffer>>();

  page({ tenants, start, first, reset, write }: PageRequest): Buffer {
    const name = `${reset ? 'reset' : start} ${tenants?.join(',') ?? '*'}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept.body;
    const isFromBeginning = tenants === undefined && !reset && (start === first || this.#starts.has(start));
    // A reset page starts at the beginning too, and is the same for every unknown cursor.
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

  /** Call when entries were added: the page that was the last one is outdated. */
  extend(): void {
    for (const [name, page] of this.#kept) {
      if (page.end !== undefined) continue;
      this.#kept.delete(name);
      this.#keptBytes -= bytesOf(name, page);
    }
    this.#inFlight.clear();
  }

  /** Call when the indexes of entries have changed. */
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
