import { isIP } from 'node:net';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Clock } from '../vocabulary/clock.ts';
import { addressBits } from '../vocabulary/networks.ts';
import type { LimitExchange } from './limit-exchange.ts';

const WINDOW_MS = 60_000;
/** Over all clients a source may fail ten times as often: several services can share an address. */
const ALL_CLIENTS_FACTOR = 10;
/** About 20 MB at worst. Past it the oldest are forgotten: memory is bounded whatever a botnet does. */
const MAX_ENTRIES = 100_000;

interface Entry {
  failures: number;
  readonly endsAtMs: number;
}

/**
 * Counts failed attempts a minute, per source and client, and per source over all clients. A source that failed too often is refused with the
 * right secret too, so that guessing on does not pay; others are unharmed.
 *
 * Counting is in memory, so that a request never waits for it; an exchange, if there is one, tells the other replicas behind.
 */
export class FailureLimits {
  readonly #perClient: number;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #exchange: LimitExchange | undefined;

  /** @param failuresPerMinute from one source for one client */
  constructor(failuresPerMinute: number, clock: Clock, exchange?: LimitExchange) {
    this.#perClient = failuresPerMinute;
    this.#clock = clock;
    this.#exchange = exchange;
    exchange?.onTotal((key, failures, windowLeftMs) => {
      this.#learn(key, failures, windowLeftMs);
    });
  }

  /**
   * @param clientKey names the client; made of checked ids
   * @throws TesseraError too_many_requests
   */
  check(source: string, clientKey: string): void {
    // The common case: nobody failed within the last minute.
    if (this.#entries.size === 0) return;
    const from = sourceKey(source);
    this.#refuseAbove(this.#perClient, `${from} ${clientKey}`);
    this.#refuseAbove(this.#perClient * ALL_CLIENTS_FACTOR, from);
  }

  /** Only for verdicts about the caller: a dependency that is down (503) is nobody's failed attempt. */
  recordFailure(source: string, clientKey: string): void {
    const from = sourceKey(source);
    this.#count(`${from} ${clientKey}`);
    this.#count(from);
  }

  /** Nest calls it by this name, after the last answer. */
  async onApplicationShutdown(): Promise<void> {
    await this.#exchange?.close();
  }

  /** For /metrics. */
  get size(): number {
    return this.#entries.size;
  }

  #refuseAbove(limit: number, key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.failures < limit) return;
    const leftMs = entry.endsAtMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#entries.delete(key);
    else
      throw new TesseraError('too_many_requests', 'too many failures', { retryAfterSeconds: Math.ceil(leftMs / 1000) });
  }

  #count(key: string): void {
    const now = this.#clock.monotonicMs();
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.endsAtMs > now) entry.failures++;
    else this.#remember(key, { failures: 1, endsAtMs: now + WINDOW_MS });
    this.#exchange?.report(key, WINDOW_MS);
  }

  /** All replicas together know better; what this one counted meanwhile is never forgotten for it. */
  #learn(key: string, failures: number, windowLeftMs: number): void {
    const now = this.#clock.monotonicMs();
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.endsAtMs > now) entry.failures = Math.max(entry.failures, failures);
    else if (windowLeftMs > 0) this.#remember(key, { failures, endsAtMs: now + Math.min(windowLeftMs, WINDOW_MS) });
  }

  /** Windows are equally long, learned ones at most as long: the first of the Map are the first to end. */
  #remember(key: string, entry: Entry): void {
    this.#entries.delete(key);
    const now = this.#clock.monotonicMs();
    for (const [oldest, { endsAtMs }] of this.#entries) {
      if (endsAtMs > now && this.#entries.size < MAX_ENTRIES) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, entry);
  }
}

/** Whoever has one IPv6 address has its whole /64 (RFC 6177): counting single ones would limit nobody. */
function sourceKey(source: string): string {
  if (isIP(source) !== 6) return source;
  return `${(addressBits(source.split('%', 1)[0] ?? source, 6) >> 64n).toString(16)}/64`;
}
