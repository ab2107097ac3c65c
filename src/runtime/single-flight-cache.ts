import { LRUCache } from 'lru-cache';
import type { Clock } from '../domain/clock.ts';
import type { Awaitable } from './awaitable.ts';
import { KeyGroups } from './key-groups.ts';

/** How a lookup was answered: from the cache, by a read that another caller had started, or by its own read. */
export type LookUp = 'kept' | 'joined' | 'read';

export interface SingleFlightCacheOptions<K extends string, V> {
  readonly clock: Clock;
  /** Maximum age of an answer. 0: every lookup reads. */
  readonly maxAgeMs: number;
  /** From this age on, a lookup starts a read in the background and is answered from the cache. Default: never. */
  readonly refreshAfterMs?: number;
  /** The least recently used entry is dropped first. */
  readonly maxEntries: number;
  /** A second limit, on the sum of the entries' weights. */
  readonly weight?: { readonly max: number; readonly of: (value: NonNullable<V>) => number };
  /** Whether and how `undefined` is cached: separately, so that invented keys cannot evict real ones. Default: not cached. */
  readonly absent?: { readonly maxEntries: number; readonly maxAgeMs?: number };
  /** What an entry belongs to, for `forgetGroup`. */
  readonly groupOf?: (key: K) => string;
  readonly onLookUp?: (how: LookUp) => void;
}

interface Entry<V> {
  readonly value: V;
  /** By the monotonic clock, from before the read, so that the value is never older than the entry claims. */
  readonly readAtMs: number;
}

interface Reading<V> {
  /** Every caller that joins gets this same promise. */
  readonly value: Promise<V>;
  readonly readAtMs: number;
}

/** With thousands of tenants, as many entries may be due at once, and requests need what is read from, too. */
const REFRESHED_AT_ONCE = 8;

/**
 * A cache with a maximum age, in which concurrent callers share one read. An error goes to its waiters and is never cached. A failed read in the
 * background leaves the entry until its maximum age.
 *
 * A read that began before `forget` may return the state before the change. It still answers its waiters, but its result is not cached, and no later
 * caller joins it.
 */
export class SingleFlightCache<K extends string, V> {
  readonly #options: SingleFlightCacheOptions<K, V>;
  readonly #groups: KeyGroups<K> | undefined;
  readonly #kept: LRUCache<K, Entry<V>>;
  readonly #absent: LRUCache<K, Entry<V>> | undefined;
  readonly #absentMaxAgeMs: number;
  readonly #refreshAfterMs: number;
  readonly #readings = new Map<K, Reading<V>>();
  #refreshing = 0;

  constructor(options: SingleFlightCacheOptions<K, V>) {
    const { maxAgeMs, maxEntries, weight, absent, groupOf } = options;
    const groups = groupOf && new KeyGroups(groupOf);
    const dispose = groups && {
      dispose: (_entry: Entry<V>, key: K, reason: string): void => {
        if (reason !== 'set') groups.delete(key);
      },
    };
    this.#options = options;
    this.#groups = groups;
    this.#kept = new LRUCache({ max: maxEntries, ...(weight !== undefined && { maxSize: weight.max }), ...dispose });
    this.#absent = absent === undefined ? undefined : new LRUCache({ max: absent.maxEntries, ...dispose });
    this.#absentMaxAgeMs = Math.min(maxAgeMs, absent?.maxAgeMs ?? Infinity);
    this.#refreshAfterMs = options.refreshAfterMs ?? Infinity;
  }

  /** Cached entries, including those of absent values. */
  get size(): number {
    return this.#kept.size + (this.#absent?.size ?? 0);
  }

  /**
   * @param read called immediately or not at all; its error is passed to the caller
   * @returns a promise only if the answer has to be read
   */
  get(key: K, read: () => Promise<V>): Awaitable<V> {
    const { maxAgeMs, onLookUp } = this.#options;
    const nowMs = this.#options.clock.monotonicMs();
    const kept = this.#kept.get(key);
    if (kept !== undefined && nowMs - kept.readAtMs < maxAgeMs) {
      if (nowMs - kept.readAtMs >= this.#refreshAfterMs) this.#refresh(key, read, nowMs);
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

  /** Takes as long as the group is large, and as there are reads. */
  forgetGroup(group: string): void {
    const { groupOf } = this.#options;
    if (groupOf === undefined) throw new Error('the cache has no groups');
    for (const key of this.#groups?.of(group) ?? []) this.forget(key);
    for (const key of this.#readings.keys()) if (groupOf(key) === group) this.#readings.delete(key);
  }

  forgetAll(): void {
    this.#kept.clear();
    this.#absent?.clear();
    this.#readings.clear();
  }

  /** In the background, unless that is busy: then at a later use, or by the request that finds the entry too old. */
  #refresh(key: K, read: () => Promise<V>, nowMs: number): void {
    if (this.#refreshing >= REFRESHED_AT_ONCE || this.#readings.has(key)) return;
    this.#refreshing += 1;
    const ended = (): void => {
      this.#refreshing -= 1;
    };
    this.#read(key, read, nowMs).then(ended, ended);
  }

  #read(key: K, read: () => Promise<V>, nowMs: number): Promise<V> {
    const reading: Reading<V> = { value: read(), readAtMs: nowMs };
    this.#readings.set(key, reading);
    reading.value.then(
      (value) => {
        // This read is outdated: the key was forgotten, or another read has begun.
        if (this.#readings.get(key) !== reading) return;
        this.#readings.delete(key);
        this.#keep(key, { value, readAtMs: nowMs });
      },
      () => {
        if (this.#readings.get(key) === reading) this.#readings.delete(key);
      },
    );
    return reading.value;
  }

  #keep(key: K, entry: Entry<V>): void {
    if (this.#options.maxAgeMs === 0) return;
    const { value } = entry;
    if (value === undefined || value === null) {
      this.#kept.delete(key);
      if (this.#absent === undefined) return;
      this.#absent.set(key, entry);
      this.#groups?.add(key);
      return;
    }
    this.#absent?.delete(key);
    this.#dropExpired(entry.readAtMs);
    const { weight } = this.#options;
    this.#kept.set(key, entry, weight === undefined ? {} : { size: weight.of(value) });
    // A value that is too heavy is not kept.
    if (this.#groups !== undefined && this.#kept.has(key)) this.#groups.add(key);
  }

  /**
   * Each new entry takes the place of up to two that nobody uses any more and nobody will: those of a tenant's earlier snapshots, for example. Without
   * that they, and all that they refer to, would stay until the cache is full.
   */
  #dropExpired(nowMs: number): void {
    let dropped = 0;
    for (const key of this.#kept.rkeys()) {
      const entry = this.#kept.peek(key);
      if (dropped === 2 || entry === undefined || nowMs - entry.readAtMs < this.#options.maxAgeMs) return;
      this.#kept.delete(key);
      dropped += 1;
    }
  }
}
