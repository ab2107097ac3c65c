import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { CONFIG } from '../config/config-token.ts';
import type { LimitsConfig } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { Clock } from '../domain/clock.ts';
import { addressBits } from '../domain/networks.ts';
import { FailureCounts, WINDOW_MS } from './failure-counts.ts';
import { LIMIT_EXCHANGE, type LimitExchange } from './limit-exchange.ts';

/** Over all clients a source may fail ten times as often before it is slowed: several services can share an address. */
const ALL_CLIENTS_FACTOR = 10;
/** So often may each client be guessed at from a slowed source. With the client's own limit this is never the tighter one for long. */
const SLOWED_TURN_MS = 5_000;
/** What closes nothing names no longer wait than this: who comes with a credential need not wait at all. */
const OPEN_RETRY_AT_MOST_MS = 10_000;
/** So long is remembered that a client has authenticated from a source where others fail: longer than the time between two renewals of a token. */
const AUTHENTICATED_MS = 10 * 60_000;
const MAX_AUTHENTICATED = 10_000;
/** About 20 MB at worst, for each of the two tables. Past it the oldest are forgotten: memory is bounded whatever a botnet does. */
const MAX_ENTRIES = 100_000;

/** What a refusal of an authenticated client is about. */
export type Concern = 'client' | 'subject' | 'trusted issuer' | 'unknown issuer';

/**
 * Counts failed attempts a minute. Three limits:
 *
 * - Callers that are not authenticated, per source and client. Above it the client is closed to that source, the right secret included, so that
 *   guessing on does not pay.
 * - The same over all clients, ten times as many. Above it the source is slowed, not closed, so that nobody can lock out those who share an
 *   address with him: nobody learns any more whether a client exists; who authenticated lately goes on; every other client gets a turn every few seconds.
 * - Authenticated clients, per source, client and what they ask for. It replaces the answer to what fails, and closes nothing.
 *
 * Counting is in memory, so that a request never waits for it; an exchange, if there is one, tells the other replicas in the background. The third
 * limit guards no secret and is each replica's own.
 */
@Injectable()
export class FailureLimits implements OnApplicationShutdown {
  readonly #perClient: number;
  readonly #clock: Clock;
  readonly #unauthenticated: FailureCounts;
  readonly #authenticated: FailureCounts;
  /** Until when a client counts as authenticated at a source, by the monotonic clock. */
  readonly #lately = new LRUCache<string, number>({ max: MAX_AUTHENTICATED });
  readonly #exchange: LimitExchange | undefined;

  /** @param exchange undefined: this process counts for itself */
  constructor(
    @Inject(CONFIG) { limits }: { readonly limits: Pick<LimitsConfig, 'failuresPerMinute'> },
    clock: Clock,
    @Inject(LIMIT_EXCHANGE) exchange?: LimitExchange,
  ) {
    this.#perClient = limits.failuresPerMinute;
    this.#clock = clock;
    this.#unauthenticated = new FailureCounts(clock, MAX_ENTRIES);
    this.#authenticated = new FailureCounts(clock, MAX_ENTRIES);
    this.#exchange = exchange;
    exchange?.onTotal((key, failures, windowLeftMs) => {
      this.#unauthenticated.learn(key, failures, windowLeftMs);
    });
  }

  /**
   * Before a caller is authenticated.
   *
   * @param clientKey names the client; made of checked ids
   * @throws TesseraError too_many_requests
   */
  check(source: string, clientKey: string): void {
    // The common case.
    if (this.#unauthenticated.isEmpty) return;
    const from = sourceKey(source);
    const ofClient = this.#unauthenticated.get(`${from} ${clientKey}`);
    const now = this.#clock.monotonicMs();
    if (ofClient !== undefined && ofClient.failures >= this.#perClient)
      throw limited('too many failures', ofClient.endsAtMs - now);
    if (!this.#isSlowed(from, clientKey)) return;
    const waitMs = ofClient === undefined ? 0 : ofClient.lastAtMs + SLOWED_TURN_MS - now;
    if (waitMs > 0) throw slowedDown(waitMs);
  }

  /**
   * A credential of a client did not hold. Only for verdicts about the caller: a dependency that is down (503) is nobody's failed attempt.
   *
   * @throws TesseraError too_many_requests, in place of the verdict, when the source is slowed
   */
  recordFailure(source: string, clientKey: string): void {
    const from = sourceKey(source);
    const isSlowed = this.#isSlowed(from, clientKey);
    this.#count(`${from} ${clientKey}`);
    this.#count(from);
    if (isSlowed) throw slowedDown(SLOWED_TURN_MS);
  }

  /**
   * The same for what cannot have been a guess at a secret: a client that does not exist, no credential, a bearer that is not good. From a slowed
   * source it is not even remembered, so that invented names use up nobody's turn.
   *
   * @throws TesseraError too_many_requests, in place of the verdict, when the source is slowed or has failed too often under this key
   */
  recordStray(source: string, clientKey: string): void {
    const from = sourceKey(source);
    if (this.#isSlowed(from, clientKey)) throw slowedDown(SLOWED_TURN_MS);
    const ofKey = this.#unauthenticated.get(`${from} ${clientKey}`);
    if (ofKey !== undefined && ofKey.failures >= this.#perClient)
      throw limited('too many failures', Math.min(ofKey.endsAtMs - this.#clock.monotonicMs(), OPEN_RETRY_AT_MOST_MS));
    this.recordFailure(source, clientKey);
  }

  /** A client has authenticated: whoever else fails from its source, it goes on under its own limit. */
  recordAuthentication(source: string, clientKey: string): void {
    if (this.#unauthenticated.isEmpty) return;
    const from = sourceKey(source);
    if (this.#unauthenticated.get(from) === undefined) return;
    this.#lately.set(`${from} ${clientKey}`, this.#clock.monotonicMs() + AUTHENTICATED_MS);
  }

  /**
   * An authenticated client did not get what it asked for.
   *
   * @param name of what it asked for; kept as a digest, because it may be long and personal
   * @throws TesseraError too_many_requests, in place of the verdict, when it was refused this too often
   */
  recordRefusal(source: string, clientKey: string, concern: Concern, name: string): void {
    const digest = hash('sha256', name, 'base64url');
    const key = `${sourceKey(source)} ${clientKey} ${concern} ${digest}`;
    const count = this.#authenticated.get(key);
    if (count !== undefined && count.failures >= this.#perClient)
      throw limited(`too many failures, per ${concern}`, count.endsAtMs - this.#clock.monotonicMs());
    this.#authenticated.add(key);
  }

  /** Nest calls it by this name, after the last answer. */
  async onApplicationShutdown(): Promise<void> {
    await this.#exchange?.close();
  }

  /** For /metrics. */
  get size(): number {
    return this.#unauthenticated.size + this.#authenticated.size;
  }

  get #overAllClients(): number {
    return this.#perClient * ALL_CLIENTS_FACTOR;
  }

  /** Whether the source has failed too often over all clients, for a client that did not authenticate there lately. */
  #isSlowed(from: string, clientKey: string): boolean {
    const ofSource = this.#unauthenticated.get(from);
    if (ofSource === undefined || ofSource.failures < this.#overAllClients) return false;
    return (this.#lately.get(`${from} ${clientKey}`) ?? -Infinity) <= this.#clock.monotonicMs();
  }

  #count(key: string): void {
    this.#unauthenticated.add(key);
    this.#exchange?.report(key, WINDOW_MS);
  }
}

function slowedDown(waitMs: number): TesseraError {
  return limited('too many failures, per source', waitMs);
}

function limited(reason: string, waitMs: number): TesseraError {
  return new TesseraError('too_many_requests', reason, { retryAfterSeconds: Math.ceil(waitMs / 1000) });
}

/** Whoever has one IPv6 address has its whole /64 (RFC 6177): counting single ones would limit nobody. */
function sourceKey(source: string): string {
  if (isIP(source) !== 6) return source;
  return `${(addressBits(source.split('%', 1)[0] ?? source, 6) >> 64n).toString(16)}/64`;
}
