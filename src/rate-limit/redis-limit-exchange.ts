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
/** Turns of the event loop in which a message that has arrived is certainly read. */
const TURNS_TO_READ = 3;
/** Short beside the time that twenty attempts take, long enough that a flood becomes a few round trips. */
const FLUSH_EVERY_MS = 20;
/** More keys than this in one flush are an attack; this process goes on counting those that do not fit. */
const MAX_PENDING = 2_000;
/** Longer than a busy machine keeps a starting process from reading an answer; with the longest pause between two tries still within the promised 5 s. */
const COMMAND_TIMEOUT_MS = 2_000;
/** So often it is tried whether counts arrive. A connection whose other end went silent looks open for a quarter of an hour. */
const HEARTBEAT_MS = 1_000;
/** The first new connection comes after this; each further one after twice the time, until counts arrive again. */
const RECONNECT_AFTER_MS = 100;
/** One that comes back is found within the promised 5 s. */
const RECONNECT_AT_MOST_AFTER_MS = 2_000;
/** So long the log waits for the reason why a connection broke, and says nothing when the next one does better. */
const REASON_WITHIN_MS = 1_000;
/** At the end the process does not wait longer for a server that does not answer. */
const LEAVE_WITHIN_MS = 200;

/** In place of a key, before an id: nothing that is counted begins with this word. */
const HEARTBEAT = 'heartbeat';
const HEARTBEAT_WINDOW_MS = 10_000;

/** Adds to the window's total and tells everyone; the window starts with its first failure. */
const ADD_AND_TELL = `
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
 * Shares failures between replicas through Redis. While Redis is away each replica goes on with its own count, and one warning says so, and why; its errors,
 * which carry addresses and commands, are never logged.
 *
 * It is there as long as a count that was sent comes back through the subscription: a connection that is open says nothing of that. A server that has become
 * a replica, or an account without a permission, refuses by an error reply; another connection may then lead to another server.
 */
export class RedisLimitExchange implements LimitExchange {
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #outage: Outage;
  readonly #pending = new Map<string, { failures: number; readonly windowMs: number }>();
  readonly #listeners: Listener[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  /** This process among all that hear the channel. */
  readonly #id = randomUUID();
  #beats = 0;
  /** When the beat was sent that did not come back yet, by `performance.now()`. */
  #beatSentAtMs: number | undefined;
  #isSubscribed = false;
  #isHeard = false;
  /** New connections since a count arrived. */
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
      // What cannot be told now is not told later: a count is worth nothing after its window.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: COMMAND_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      disconnectTimeout: LEAVE_WITHIN_MS,
      // Subscribed anew after each connection, below.
      autoResubscribe: false,
      // Both would need permissions that nothing else needs, and the first prints what Redis answers.
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => this.#nextReconnectMs(),
    };
    // Revealed to its own store alone.
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
      await this.#commands.eval(ADD_AND_TELL, 1, KEY_PREFIX + key, failures, windowMs, CHANNEL, told);
    } catch (error) {
      // A server that went silent is found by the heartbeat, which knows a process that stood still from it.
      if (redisFailureReason(error) !== NO_ANSWER) this.#fail(redisFailureReason(error));
    }
  }

  /** By the same command as a count, so that whatever refuses that refuses this. */
  async #beat(): Promise<void> {
    if (!this.#isOpen() || !this.#isSubscribed) return;
    const nowMs = performance.now();
    if (this.#beatSentAtMs !== undefined) {
      if (nowMs - this.#beatSentAtMs >= HEARTBEAT_MS / 2) await this.#failUnlessItWaitsToBeRead(this.#beats);
      return;
    }
    this.#beatSentAtMs = nowMs;
    this.#beats += 1;
    await this.#add(HEARTBEAT, `${HEARTBEAT} ${this.#id} ${this.#beats}`, 1, HEARTBEAT_WINDOW_MS);
  }

  /** After a process stood still its timers run before its sockets are read: what arrived meanwhile is no outage. */
  async #failUnlessItWaitsToBeRead(beat: number): Promise<void> {
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

  /** Says it, and tries other connections: behind a proxy they lead to the server that has taken over. */
  #fail(reason: string): void {
    if (this.#closed) return;
    this.#isHeard = false;
    this.#beatSentAtMs = undefined;
    clearTimeout(this.#lostTimer);
    // What is under way when a connection is given up ends in this, and says nothing.
    if (reason !== 'connection lost' || !this.#outage.isOn) this.#outage.away(reason);
    for (const connection of [this.#commands, this.#subscriber])
      if (connection.status === 'ready') connection.disconnect(true);
  }

  #watch(): void {
    for (const connection of [this.#commands, this.#subscriber]) {
      // Without a listener the library prints the error itself.
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

  /** A connection that breaks says nothing of why. The next one may, or may do better at once. */
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
