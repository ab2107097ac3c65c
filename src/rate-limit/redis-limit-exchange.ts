import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { Secret } from '../config/secret.ts';
import type { Log } from '../logging/log.ts';
import { Outage } from '../logging/outage.ts';
import type { LimitExchange } from './limit-exchange.ts';
import { NO_ANSWER, REDIS_UNREACHED, redisFailureReason } from './redis-failure.ts';

const KEY_PREFIX = 'tessera:failures:';
const CHANNEL = 'tessera:failures';
/** Turns of the event loop after which a message that has arrived is certainly read. */
const TURNS_TO_READ = 3;
/** Short compared with the time of twenty attempts, but long enough to turn a flood into a few round trips. */
const FLUSH_EVERY_MS = 20;
/** More keys than this in one flush are an attack. Those that do not fit are counted by this process only. */
const MAX_PENDING = 2_000;
/**
 * Longer than a busy machine may keep a starting process from reading a reply. Together with the longest reconnect delay still within the promised 5
 * s.
 */
const COMMAND_TIMEOUT_MS = 2_000;
/** How often delivery is checked. A connection whose peer has gone silent looks open for a quarter of an hour. */
const HEARTBEAT_MS = 1_000;
/** Delay before the first reconnect. It doubles with each further one until counts arrive again. */
const RECONNECT_AFTER_MS = 100;
/** The return of Redis must be noticed within the promised 5 s. */
const RECONNECT_AT_MOST_AFTER_MS = 2_000;
/** How long logging waits for the reason of a broken connection. If the next connection works, nothing is logged. */
const REASON_WITHIN_MS = 1_000;
/** Time limit of the disconnect at shutdown. */
const DISCONNECT_WITHIN_MS = 200;

/** Prefix of heartbeat messages, in the place of a key. No counted key starts with this word. */
const HEARTBEAT = 'heartbeat';
const HEARTBEAT_WINDOW_MS = 10_000;

/** Adds to the window's total and publishes it. The window starts with its first failure. */
const ADD_AND_PUBLISH = `
  local total = redis.call('INCRBY', KEYS[1], ARGV[1])
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    left = tonumber(ARGV[2])
  end
  redis.call('PUBLISH', ARGV[3], total .. ' ' .. left .. ' ' .. ARGV[4])
  return total`;

type Listener = Parameters<LimitExchange['onTotal']>[0];

/**
 * Shares failure counts between replicas through Redis. While Redis is away, each replica uses its own counts, and one warning gives the reason.
 * Redis errors are never logged, because they contain addresses and commands.
 *
 * Redis counts as available while published messages come back through the subscription; an open connection alone is not enough. A server that has
 * become a replica, or an account without a permission, answers with an error. A new connection may then reach another server.
 */
export class RedisLimitExchange implements LimitExchange {
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #outage: Outage;
  readonly #pending = new Map<string, { failures: number; readonly windowMs: number }>();
  readonly #listeners: Listener[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  /** Identifies this process on the shared channel. */
  readonly #id = randomUUID();
  #beats = 0;
  /** When the outstanding heartbeat was sent, by `performance.now()`. */
  #beatSentAtMs: number | undefined;
  #isSubscribed = false;
  #isHeard = false;
  /** Reconnects since a message last arrived. */
  #reconnects = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #lostTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: Secret, log: Log) {
    const effect = 'each replica counts failed attempts for itself';
    this.#outage = new Outage(
      {
        away: (reason) => {
          log.warn('redis_unavailable', { reason, effect });
        },
        stillAway: (reason) => {
          log.warn('redis_still_unavailable', { reason });
        },
        back: () => {
          log.info('redis_available');
        },
      },
      REDIS_UNREACHED,
    );
    const options: RedisOptions = {
      // Do not queue while offline: a count is worthless after its window.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: COMMAND_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_WITHIN_MS,
      // The subscription is renewed below, after each connect.
      autoResubscribe: false,
      // Both need permissions that nothing else needs, and the first prints Redis replies.
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => this.#nextReconnectMs(),
    };
    // Revealed only to Redis itself.
    this.#commands = new Redis(Secret.reveal(url), options);
    this.#subscriber = new Redis(Secret.reveal(url), options);
    this.#watch();
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS).unref();
  }

  report(key: string, windowMs: number): void {
    const known = this.#pending.get(key);
    if (known !== undefined) known.failures++;
    else if (this.#pending.size < MAX_PENDING) this.#pending.set(key, { failures: 1, windowMs });
    this.#flushTimer ??= setTimeout(() => void this.#flush(), FLUSH_EVERY_MS).unref();
  }

  onTotal(listener: Listener): void {
    this.#listeners.push(listener);
  }

  get available(): boolean {
    return this.#isHeard && this.#isOpen();
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#lostTimer);
    await this.#flush();
    this.#closed = true;
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  async #flush(): Promise<void> {
    this.#flushTimer = undefined;
    const reports = [...this.#pending];
    this.#pending.clear();
    if (!this.available) return;
    await Promise.all(reports.map(([key, { failures, windowMs }]) => this.#add(key, key, failures, windowMs)));
  }

  async #add(key: string, told: string, failures: number, windowMs: number): Promise<void> {
    try {
      await this.#commands.eval(ADD_AND_PUBLISH, 1, KEY_PREFIX + key, failures, windowMs, CHANNEL, told);
    } catch (error) {
      // A silent server is detected by the heartbeat, which can distinguish it from a stall of this process.
      if (redisFailureReason(error) !== NO_ANSWER) this.#fail(redisFailureReason(error));
    }
  }

  /** Uses the same command as a count, so that it fails whenever counts would. */
  async #beat(): Promise<void> {
    if (!this.#isOpen() || !this.#isSubscribed) return;
    const nowMs = performance.now();
    if (this.#beatSentAtMs !== undefined) {
      if (nowMs - this.#beatSentAtMs >= HEARTBEAT_MS / 2) await this.#failUnlessUnread(this.#beats);
      return;
    }
    this.#beatSentAtMs = nowMs;
    this.#beats += 1;
    await this.#add(HEARTBEAT, `${HEARTBEAT} ${this.#id} ${this.#beats}`, 1, HEARTBEAT_WINDOW_MS);
  }

  /** After a stall of the process, timers run before sockets are read. Messages that have arrived but are unread are not an outage. */
  async #failUnlessUnread(beat: number): Promise<void> {
    for (let turn = 0; turn < TURNS_TO_READ; turn++) await nextTurn();
    if (this.#beatSentAtMs !== undefined && this.#beats === beat) this.#fail('messages do not arrive');
  }

  #hear(message: string): void {
    const parts = /^(\d{1,10}) (\d{1,10}) (.+)$/.exec(message);
    if (parts?.[3] === undefined) return;
    if (parts[3].startsWith(`${HEARTBEAT} `)) {
      if (parts[3] === `${HEARTBEAT} ${this.#id} ${this.#beats}`) this.#arrived();
      return;
    }
    for (const listener of this.#listeners) listener(parts[3], Number(parts[1]), Number(parts[2]));
  }

  #arrived(): void {
    this.#beatSentAtMs = undefined;
    this.#isHeard = true;
    this.#reconnects = 0;
    clearTimeout(this.#lostTimer);
    if (!this.#closed) this.#outage.back();
  }

  /** Logs the outage and reconnects: behind a proxy, a new connection reaches the server that has taken over. */
  #fail(reason: string): void {
    if (this.#closed) return;
    this.#isHeard = false;
    this.#beatSentAtMs = undefined;
    clearTimeout(this.#lostTimer);
    // Commands in flight on a connection that was given up fail with this reason, which adds no information.
    if (reason !== 'connection lost' || !this.#outage.isOn) this.#outage.away(reason);
    for (const connection of [this.#commands, this.#subscriber])
      if (connection.status === 'ready') connection.disconnect(true);
  }

  #watch(): void {
    for (const connection of [this.#commands, this.#subscriber]) {
      // Without a listener, the library prints the error.
      connection.on('error', (error) => {
        this.#fail(redisFailureReason(error));
      });
      connection.on('close', () => {
        this.#lost();
      });
    }
    this.#commands.on('ready', () => void this.#beat());
    this.#subscriber.on('close', () => (this.#isSubscribed = false));
    this.#subscriber.on('ready', () => void this.#subscribe());
    this.#subscriber.on('message', (_channel: string, message: string) => {
      this.#hear(message);
    });
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(CHANNEL);
    } catch (error) {
      this.#fail(redisFailureReason(error));
      return;
    }
    this.#isSubscribed = true;
    this.#beatSentAtMs = undefined;
    await this.#beat();
  }

  /** A broken connection gives no reason. The next one may give it, or may work at once. */
  #lost(): void {
    this.#isHeard = false;
    this.#beatSentAtMs = undefined;
    if (this.#closed || this.#outage.isOn) return;
    clearTimeout(this.#lostTimer);
    this.#lostTimer = setTimeout(() => {
      this.#outage.away('connection lost');
    }, REASON_WITHIN_MS).unref();
  }

  #isOpen(): boolean {
    return this.#commands.status === 'ready' && this.#subscriber.status === 'ready';
  }

  #nextReconnectMs(): number {
    const afterMs = RECONNECT_AFTER_MS * 2 ** Math.min(this.#reconnects, 10);
    this.#reconnects += 1;
    return Math.min(afterMs, RECONNECT_AT_MOST_AFTER_MS);
  }
}
