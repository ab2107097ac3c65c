import { type Revocation, REVOCATION_KINDS, type RevocationKind } from './revocation.ts';

/** Marks an id with a character beyond Latin-1. Such an id is stored with two bytes per character. */
const WIDE = 0x80;
const FIRST_CAPACITY = 64;
/** Growing copies all columns. This factor keeps copies rare and little memory unused. */
const GROWTH = 1.5;

type Column = Uint8Array | Uint32Array | Float64Array;

/**
 * Stores revocations as columns of numbers, one row per entry, with a hash index. An entry with an ordinary id takes about 80 bytes, a third of an
 * object with strings. Matching is exact: the index only selects the rows to compare.
 */
export class RevocationColumns {
  readonly #issuers: string[] = [];
  readonly #issuerNumbers = new Map<string, number>();
  /** Random, so that nobody can choose ids that collide. */
  readonly #seed = Math.trunc(Math.random() * 2 ** 32);
  #size = 0;
  #issuer = new Uint32Array(FIRST_CAPACITY);
  #kind = new Uint8Array(FIRST_CAPACITY);
  #hash = new Uint32Array(FIRST_CAPACITY);
  /** Where the id ends in `#ids`. It begins where the id of the row before ends. */
  #idEnd = new Uint32Array(FIRST_CAPACITY);
  /** NaN: hits tokens of any age. */
  #before = new Float64Array(FIRST_CAPACITY);
  #until = new Float64Array(FIRST_CAPACITY);
  #ids = Buffer.alloc(FIRST_CAPACITY * 40);
  /** Row + 1 by hash, with linear probing; 0: free. At most half full. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2);

  get size(): number {
    return this.#size;
  }

  append({ issuer, kind, id, before, until }: Revocation): void {
    const row = this.#size;
    const isWide = hasWideCharacter(id);
    const start = this.#idStart(row);
    const end = start + (isWide ? id.length * 2 : id.length);
    this.#reserve(row + 1, end);
    const issuerNumber = this.#numberOf(issuer);
    const hash = this.#hashOf(issuerNumber, kind, id);
    this.#issuer[row] = issuerNumber;
    this.#kind[row] = REVOCATION_KINDS.indexOf(kind) | (isWide ? WIDE : 0);
    this.#hash[row] = hash;
    this.#ids.write(id, start, isWide ? 'utf16le' : 'latin1');
    this.#idEnd[row] = end;
    this.#before[row] = before ?? NaN;
    this.#until[row] = until;
    this.#size++;
    this.#index(row, hash);
  }

  at(row: number): Revocation {
    const kind = this.#kind[row] ?? 0;
    const before = this.#before[row] ?? NaN;
    return {
      issuer: this.#issuers[this.#issuer[row] ?? 0] ?? '',
      kind: REVOCATION_KINDS[kind & ~WIDE] ?? 'token',
      id: this.#ids.toString((kind & WIDE) === 0 ? 'latin1' : 'utf16le', this.#idStart(row), this.#idEnd[row]),
      before: Number.isNaN(before) ? undefined : before,
      until: this.untilOf(row),
    };
  }

  untilOf(row: number): number {
    return this.#until[row] ?? 0;
  }

  /** Makes the row hit nothing. */
  void(row: number): void {
    this.#until[row] = -1;
  }

  /** A number that rows can be compared by. Undefined for an issuer without a row. */
  issuerNumber(issuer: string): number | undefined {
    return this.#issuerNumbers.get(issuer);
  }

  issuerNumberOf(row: number): number {
    return this.#issuer[row] ?? 0;
  }

  /** Whether any row of this kind and id hits a token issued at that time. */
  hits(issuerNumber: number, kind: RevocationKind, id: string, issuedAt: number, nowSeconds: number): boolean {
    const hash = this.#hashOf(issuerNumber, kind, id);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0) return false;
      if (this.#hash[row] !== hash || nowSeconds > this.untilOf(row)) continue;
      // NaN means no time limit: the comparison is false, so the row hits tokens of any age.
      if (issuedAt > (this.#before[row] ?? NaN)) continue;
      if (this.#isNamed(row, issuerNumber, kind, id)) return true;
    }
  }

  #isNamed(row: number, issuerNumber: number, kind: RevocationKind, id: string): boolean {
    const kindByte = this.#kind[row] ?? 0;
    if (this.#issuer[row] !== issuerNumber || REVOCATION_KINDS[kindByte & ~WIDE] !== kind) return false;
    const width = (kindByte & WIDE) === 0 ? 1 : 2;
    const start = this.#idStart(row);
    if ((this.#idEnd[row] ?? 0) - start !== id.length * width) return false;
    for (let index = 0; index < id.length; index++) {
      const at = start + index * width;
      const code = width === 1 ? this.#ids[at] : this.#ids.readUInt16LE(at);
      if (code !== id.charCodeAt(index)) return false;
    }
    return true;
  }

  #hashOf(issuerNumber: number, kind: RevocationKind, id: string): number {
    let hash = this.#seed ^ Math.imul(issuerNumber + 1, 0x9e3779b1) ^ REVOCATION_KINDS.indexOf(kind);
    for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  #index(row: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  #numberOf(issuer: string): number {
    let number = this.#issuerNumbers.get(issuer);
    if (number === undefined) {
      number = this.#issuers.push(issuer) - 1;
      this.#issuerNumbers.set(issuer, number);
    }
    return number;
  }

  #idStart(row: number): number {
    return row === 0 ? 0 : (this.#idEnd[row - 1] ?? 0);
  }

  #reserve(rows: number, idBytes: number): void {
    if (idBytes > this.#ids.length) {
      const ids = Buffer.alloc(Math.ceil(idBytes * GROWTH));
      this.#ids.copy(ids);
      this.#ids = ids;
    }
    if (rows * 2 > this.#slots.length) {
      this.#slots = new Uint32Array(this.#slots.length * 2);
      for (let row = 0; row < this.#size; row++) this.#index(row, this.#hash[row] ?? 0);
    }
    if (rows <= this.#issuer.length) return;
    const capacity = Math.ceil(rows * GROWTH);
    this.#issuer = grown(this.#issuer, new Uint32Array(capacity));
    this.#kind = grown(this.#kind, new Uint8Array(capacity));
    this.#hash = grown(this.#hash, new Uint32Array(capacity));
    this.#idEnd = grown(this.#idEnd, new Uint32Array(capacity));
    this.#before = grown(this.#before, new Float64Array(capacity));
    this.#until = grown(this.#until, new Float64Array(capacity));
  }
}

function grown<Of extends Column>(old: Of, column: Of): Of {
  column.set(old);
  return column;
}

function hasWideCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0xff) return true;
  return false;
}
