const FIRST_CAPACITY = 64;
const GROWTH = 1.5;
/** An operator's revocation, not a client's. */
const NOBODY = 0;

/** Parallel to the list of revocations: for each entry its number in the feed and the client that revoked. */
export class RevocationOrigins {
  /** Numbers start at 1. */
  readonly #clientNumbers = new Map<string, number>();
  /** Counts, by client number, the entries that have not been replaced yet. */
  readonly #counts: number[] = [0];
  /** Keyed by the number in the feed. Only a few entries are replacements. */
  readonly #replaced = new Map<number, number>();
  #size = 0;
  #seqs = new Float64Array(FIRST_CAPACITY);
  #clients = new Uint32Array(FIRST_CAPACITY);

  /** @param replaces how many earlier entries of the client it replaces */
  add(seq: number, tenantId: string, client: string | undefined, replaces: number | undefined): void {
    this.#append(seq, client === undefined ? NOBODY : this.#numberOf(`${tenantId}/${client}`), replaces);
  }

  /** For copying the list: has no entries yet, but all known clients. */
  emptyCopy(): RevocationOrigins {
    const copy = new RevocationOrigins();
    for (const name of this.#clientNumbers.keys()) copy.#numberOf(name);
    return copy;
  }

  /** Copies an entry to an `emptyCopy`. */
  copyTo(copy: RevocationOrigins, index: number): void {
    const seq = this.seqOf(index);
    copy.#append(seq, this.#clients[index] ?? NOBODY, this.#replaced.get(seq));
  }

  seqOf(index: number): number {
    return this.#seqs[index] ?? Infinity;
  }

  replacedBy(seq: number): number | undefined {
    return this.#replaced.get(seq);
  }

  /** The index of the first entry with a higher number. */
  firstAfter(seq: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqOf(middle) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Passes all entries of a client to `take` and detaches them from the client.
   *
   * @returns their number
   */
  takeRowsOf(tenantId: string, client: string, take: (index: number) => void): number {
    const number = this.#clientNumbers.get(`${tenantId}/${client}`);
    const count = number === undefined ? 0 : (this.#counts[number] ?? 0);
    if (number === undefined || count === 0) return 0;
    for (let index = 0; index < this.#size; index++) {
      if (this.#clients[index] !== number) continue;
      this.#clients[index] = NOBODY;
      this.#replaced.delete(this.seqOf(index));
      take(index);
    }
    this.#counts[number] = 0;
    return count;
  }

  #append(seq: number, client: number, replaces: number | undefined): void {
    if (this.#size === this.#seqs.length) this.#grow();
    this.#seqs[this.#size] = seq;
    this.#clients[this.#size] = client;
    this.#size++;
    this.#counts[client] = (this.#counts[client] ?? 0) + 1;
    if (replaces !== undefined) this.#replaced.set(seq, replaces);
  }

  #numberOf(name: string): number {
    let number = this.#clientNumbers.get(name);
    if (number === undefined) {
      number = this.#counts.push(0) - 1;
      this.#clientNumbers.set(name, number);
    }
    return number;
  }

  #grow(): void {
    const capacity = Math.ceil(this.#seqs.length * GROWTH);
    const [seqs, clients] = [new Float64Array(capacity), new Uint32Array(capacity)];
    seqs.set(this.#seqs);
    clients.set(this.#clients);
    this.#seqs = seqs;
    this.#clients = clients;
  }
}
