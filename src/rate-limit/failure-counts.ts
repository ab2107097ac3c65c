import type { Clock } from '../domain/clock.ts';

export const WINDOW_MS = 60_000;

/** The failures under one key in its window, which starts with the first failure. */
export interface FailureCount {
  failures: number;
  /** By the monotonic clock, like `endsAtMs`. */
  lastAtMs: number;
  readonly endsAtMs: number;
}

/** Counts the failures of the last minute by key, in bounded memory: at the limit, the oldest keys are dropped. */
export class FailureCounts {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, FailureCount>();
  /** When the last of the windows ends. */
  #endsAtMs = -Infinity;

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether nothing failed within the last minute. Cheap, because it runs for every request. */
  get isEmpty(): boolean {
    if (this.#entries.size > 0 && this.#endsAtMs <= this.#clock.monotonicMs()) this.#entries.clear();
    return this.#entries.size === 0;
  }

  /** @returns undefined if nothing failed within the window */
  get(key: string): Readonly<FailureCount> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.endsAtMs > this.#clock.monotonicMs()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  add(key: string): void {
    this.#set(key, (this.get(key)?.failures ?? 0) + 1, WINDOW_MS);
  }

  /** Applies a total of all replicas. It never lowers this replica's own count. */
  learn(key: string, failures: number, windowLeftMs: number): void {
    const known = this.get(key)?.failures ?? 0;
    if (failures > known && windowLeftMs > 0) this.#set(key, failures, Math.min(windowLeftMs, WINDOW_MS));
  }

  #set(key: string, failures: number, windowMs: number): void {
    const now = this.#clock.monotonicMs();
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#makeRoom(now);
      this.#entries.set(key, { failures, lastAtMs: now, endsAtMs: now + windowMs });
      this.#endsAtMs = Math.max(this.#endsAtMs, now + windowMs);
    } else {
      entry.failures = failures;
      entry.lastAtMs = now;
    }
  }

  /** Windows are equally long, and windows of other replicas at most as long, so the first entries of the Map are the first to end. */
  #makeRoom(now: number): void {
    for (const [oldest, { endsAtMs }] of this.#entries) {
      if (endsAtMs > now && this.#entries.size < this.#maxEntries) break;
      this.#entries.delete(oldest);
    }
  }
}
