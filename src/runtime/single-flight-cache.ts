import { LRUCache } from 'lru-cache';
import type { Clock } from '../domain/clock.ts';

/** How a look-up was answered: from memory, by a reading that another caller had begun, or by a reading of its own. */
export type LookUp = 'kept' | 'joined' | 'read';

export interface SingleFlightCacheOptions<V> {
  readonly clock: Clock;
  /** No answer is older than this. 0: every look-up reads. */
  readonly maxAgeMs: number;
  /** From this age on, a look-up begins a reading in the background and is answered from memory. Default: never. */
  readonly refreshAfterMs?: number;
  /** The least recently used entry goes first. */
  readonly maxEntries: number;
  /** A second bound, on the sum of what the entries weigh. */
  readonly weight?: { readonly max: number; readonly of: (value: NonNullable<V>) => number };
  /** How `undefined` is kept: apart, so that made-up keys cannot push out the real ones. Default: not at all. */
  readonly absent?: { readonly maxEntries: number; readonly maxAgeMs?: number };
  readonly onLookUp?: (how: LookUp) => void;
}

interface Entry<V> {
  /** Made once: every look-up gets the same promise. */
  readonly value: Promise<V>;
  /** By the monotonic clock, from before the reading: what was read is never older than the entry says. */
  readonly readAtMs: number;
}

/**
 * Values that are read once for all who ask at the same time, and kept for a bounded time. An error goes to those who wait for it and is never
 * kept; a failed reading in the background leaves the entry until its time is over.
 *
 * A reading that began before `forget` may show the state from before the change. It answers those who wait for it already, but it is not kept, and
 * nobody joins it any more.
 */
export class SingleFlightCache<K extends string, V> {
  readonly #options: SingleFlightCacheOptions<V>;
  readonly #kept: LRUCache<K, Entry<V>>;
  readonly #absent: LRUCache<K, Entry<V>> | undefined;
  readonly #absentMaxAgeMs: number;
  readonly #refreshAfterMs: number;
  readonly #readings = new Map<K, Entry<V>>();

  constructor(options: SingleFlightCacheOptions<V>) {
    const { maxAgeMs, maxEntries, weight, absent } = options;
    this.#options = options;
    this.#kept = new LRUCache({ max: maxEntries, ...(weight !== undefined && { maxSize: weight.max }) });
    this.#absent = absent === undefined ? undefined : new LRUCache({ max: absent.maxEntries });
    this.#absentMaxAgeMs = Math.min(maxAgeMs, absent?.maxAgeMs ?? Infinity);
    this.#refreshAfterMs = options.refreshAfterMs ?? Infinity;
  }

  /** Entries in memory, those of absent values included. */
  get size(): number {
    return this.#kept.size + (this.#absent?.size ?? 0);
  }

  /** @param read called at once, or not at all; whatever it rejects with reaches the caller */
  get(key: K, read: () => Promise<V>): Promise<V> {
    const { maxAgeMs, onLookUp } = this.#options;
    const nowMs = this.#options.clock.monotonicMs();
    const kept = this.#kept.get(key);
    if (kept !== undefined && nowMs - kept.readAtMs < maxAgeMs) {
      if (nowMs - kept.readAtMs >= this.#refreshAfterMs && !this.#readings.has(key)) void this.#read(key, read, nowMs);
      onLookUp?.('kept');
      return kept.value;
    }
    const absent = this.#absent?.get(key);
    if (absent !== undefined && nowMs - absent.readAtMs < this.#absentMaxAgeMs) {
      onLookUp?.('kept');
      return absent.value;
    }
    const reading = this.#readings.get(key);
    if (reading !== undefined && nowMs - reading.readAtMs < maxAgeMs) {
      onLookUp?.('joined');
      return reading.value;
    }
    onLookUp?.('read');
    return this.#read(key, read, nowMs);
  }

  forget(key: K): void {
    this.#kept.delete(key);
    this.#absent?.delete(key);
    this.#readings.delete(key);
  }

  forgetWhere(isForgotten: (key: K) => boolean): void {
    for (const entries of [this.#kept, this.#absent, this.#readings])
      for (const key of entries?.keys() ?? []) if (isForgotten(key)) entries?.delete(key);
  }

  forgetAll(): void {
    this.#kept.clear();
    this.#absent?.clear();
    this.#readings.clear();
  }

  #read(key: K, read: () => Promise<V>, nowMs: number): Promise<V> {
    const entry: Entry<V> = { value: read(), readAtMs: nowMs };
    this.#readings.set(key, entry);
    entry.value.then(
      (value) => {
        // Not the reading of this key any more: it was forgotten, or another has begun.
        if (this.#readings.get(key) !== entry) return;
        this.#readings.delete(key);
        this.#keep(key, entry, value);
      },
      () => {
        if (this.#readings.get(key) === entry) this.#readings.delete(key);
      },
    );
    return entry.value;
  }

  #keep(key: K, entry: Entry<V>, value: V): void {
    if (value === undefined || value === null) {
      this.#kept.delete(key);
      this.#absent?.set(key, entry);
      return;
    }
    this.#absent?.delete(key);
    const { weight } = this.#options;
    this.#kept.set(key, entry, weight === undefined ? {} : { size: weight.of(value) });
  }
}
