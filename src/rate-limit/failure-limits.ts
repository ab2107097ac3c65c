import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { type CachesConfig, CONFIG, type LimitsConfig } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { Clock } from '../domain/clock.ts';
import { addressBits } from '../domain/networks.ts';
import { FailureCounts, WINDOW_MS } from './failure-counts.ts';
import { LIMIT_EXCHANGE, type LimitExchange } from './limit-exchange.ts';

/** A source may fail ten times as often over all clients before it is slowed: several services can share an address. */
const ALL_CLIENTS_FACTOR = 10;
/** From a slowed source, each client may be tried once in this time. The client's own limit is soon the tighter one. */
const SLOWED_TURN_MS = 5_000;
/** Upper bound of Retry-After for limits that block nobody: a caller with a valid credential need not wait at all. */
const OPEN_RETRY_AT_MOST_MS = 10_000;
/** How long a client counts as authenticated from a source where others fail. Longer than the time between two renewals of a token. */
const AUTHENTICATED_MS = 10 * 60_000;
/** Of each tenant that is kept in memory, this many clients count; and at least so many. */
const AUTHENTICATED_OF_A_TENANT = 5;
const MIN_AUTHENTICATED = 10_000;
/** Limits each of the three tables to about 20 MB, whatever a botnet does. At the limit, the oldest entries are dropped. */
const MAX_ENTRIES = 100_000;

/** The kind of target that an authenticated client was refused. */
export type Concern = 'client' | 'subject' | 'trusted issuer' | 'unknown issuer';

/**
 * Counts failed attempts per minute. There are three limits:
 *
 * - Unauthenticated attempts per source and client. Above the limit, the client is blocked for that source, even with the right secret, so that
 * further guesses are useless.
 * - Unauthenticated attempts per source over all clients, ten times as many. Above the limit, the source is slowed but not blocked, so that an
 * attacker cannot lock out others who share the address. It no longer learns whether a client exists. Clients that authenticated lately are not
 * slowed. Every other client may be tried once every few seconds.
 * - Refusals of authenticated clients per source, client and target. Above the limit, the refusal is replaced by 429; requests that would succeed
 * still do.
 *
 * A request that gets no answer about its credentials, because a dependency is down, is no failure and refuses nobody. It counts separately, so that
 * a flood of such requests does not become a flood of records.
 *
 * Counts are in memory, so a request never waits for them. An exchange, if configured, shares them with the other replicas in the background. The
 * third limit protects no secret and is not shared.
 */
@Injectable()
export class FailureLimits implements OnApplicationShutdown {
  readonly #perClient: number;
  readonly #clock: Clock;
  readonly #unauthenticated: FailureCounts;
  readonly #authenticated: FailureCounts;
  readonly #unanswered: FailureCounts;
  /** When a client's authentication at a source expires, by the monotonic clock. */
  readonly #lately: LRUCache<string, number>;
  readonly #exchange: LimitExchange | undefined;

  /** @param exchange undefined: this process counts for itself */
  constructor(
    @Inject(CONFIG)
    {
      limits,
      caches,
    }: {
      readonly limits: Pick<LimitsConfig, 'failuresPerMinute'>;
      readonly caches: Pick<CachesConfig, 'tenants'>;
    },
    clock: Clock,
    @Inject(LIMIT_EXCHANGE) exchange?: LimitExchange,
  ) {
    this.#perClient = limits.failuresPerMinute;
    this.#lately = new LRUCache({ max: Math.max(MIN_AUTHENTICATED, AUTHENTICATED_OF_A_TENANT * caches.tenants) });
    this.#clock = clock;
    this.#unauthenticated = new FailureCounts(clock, MAX_ENTRIES);
    this.#authenticated = new FailureCounts(clock, MAX_ENTRIES);
    this.#unanswered = new FailureCounts(clock, MAX_ENTRIES);
    this.#exchange = exchange;
    exchange?.onTotal((key, failures, windowLeftMs) => {
      this.#unauthenticated.learn(key, failures, windowLeftMs);
    });
  }

  /**
   * Call before authenticating the caller.
   *
   * @param clientKey names the client; built from valid ids
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
   * Records a wrong credential. Only for failures of the caller, not for a dependency that is down (503).
   *
   * @throws TesseraError too_many_requests, in place of the refusal, if the source is slowed
   */
  recordFailure(source: string, clientKey: string): void {
    const from = sourceKey(source);
    const isSlowed = this.#isSlowed(from, clientKey);
    this.#count(`${from} ${clientKey}`);
    this.#count(from);
    if (isSlowed) throw slowedDown(SLOWED_TURN_MS);
  }

  /**
   * Records a failure that cannot be a guess at a secret: an unknown client, no credential, an invalid bearer. From a slowed source it is not
   * recorded, so that invented names do not use up the turns of real clients.
   *
   * @param retryAtMostMs for an unknown client as long as for a known one that is blocked, so that Retry-After does not tell them apart
   * @throws TesseraError too_many_requests, in place of the refusal, if the source is slowed or has failed too often under this key
   */
  recordStray(source: string, clientKey: string, retryAtMostMs = OPEN_RETRY_AT_MOST_MS): void {
    const from = sourceKey(source);
    if (this.#isSlowed(from, clientKey)) throw slowedDown(SLOWED_TURN_MS);
    const ofKey = this.#unauthenticated.get(`${from} ${clientKey}`);
    if (ofKey !== undefined && ofKey.failures >= this.#perClient)
      throw limited('too many failures', Math.min(ofKey.endsAtMs - this.#clock.monotonicMs(), retryAtMostMs));
    this.recordFailure(source, clientKey);
  }

  /** Records that a client has authenticated, so that failures of others at its source do not slow it. */
  recordAuthentication(source: string, clientKey: string): void {
    if (this.#unauthenticated.isEmpty) return;
    const from = sourceKey(source);
    if (this.#unauthenticated.get(from) === undefined) return;
    this.#lately.set(`${from} ${clientKey}`, this.#clock.monotonicMs() + AUTHENTICATED_MS);
  }

  /**
   * Records a refusal of an authenticated client.
   *
   * @param name of the target; kept as a digest, because it may be long or personal
   * @throws TesseraError too_many_requests, in place of the refusal, if the client was refused this target too often
   */
  recordRefusal(source: string, clientKey: string, concern: Concern, name: string): void {
    const digest = hash('sha256', name, 'base64url');
    const key = `${sourceKey(source)} ${clientKey} ${concern} ${digest}`;
    const count = this.#authenticated.get(key);
    if (count !== undefined && count.failures >= this.#perClient)
      throw limited(`too many failures, per ${concern}`, count.endsAtMs - this.#clock.monotonicMs());
    this.#authenticated.add(key);
  }

  /**
   * Counts an unauthenticated request that a dependency could not answer.
   *
   * @returns whether it is to be recorded: it is among the first of its source and client, and of its source
   */
  countUnanswered(source: string, clientKey: string): boolean {
    const from = sourceKey(source);
    const key = `${from} ${clientKey}`;
    const ofKey = this.#unanswered.get(key)?.failures ?? 0;
    const ofSource = this.#unanswered.get(from)?.failures ?? 0;
    if (ofKey >= this.#perClient || ofSource >= this.#overAllClients) return false;
    this.#unanswered.add(key);
    this.#unanswered.add(from);
    return true;
  }

  /** Nest calls this after the last response. */
  async onApplicationShutdown(): Promise<void> {
    await this.#exchange?.close();
  }

  /** For /metrics. */
  get size(): number {
    return this.#unauthenticated.size + this.#authenticated.size + this.#unanswered.size;
  }

  get #overAllClients(): number {
    return this.#perClient * ALL_CLIENTS_FACTOR;
  }

  /** Whether the source is slowed for this client: too many failures over all clients, and no recent authentication of this one. */
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

/** Counts IPv6 sources by /64, because one subscriber has at least a /64 (RFC 6177) and could change the address for each attempt. */
function sourceKey(source: string): string {
  if (isIP(source) !== 6) return source;
  return `${(addressBits(source.split('%', 1)[0] ?? source, 6) >> 64n).toString(16)}/64`;
}
