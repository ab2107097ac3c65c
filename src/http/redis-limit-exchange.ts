import { Redis, type RedisOptions } from 'ioredis';
import { Secret } from '../config/secret.ts';
import type { Log } from '../log/log.ts';
import type { LimitExchange } from './limit-exchange.ts';

const KEY_PREFIX = 'tessera:failures:';
const CHANNEL = 'tessera:failures';
/** Short beside the time that twenty attempts take, long enough that a flood becomes a few round trips. */
const FLUSH_EVERY_MS = 20;
/** More keys than this in one flush are an attack; this process goes on counting those that do not fit. */
const MAX_PENDING = 2_000;
const COMMAND_TIMEOUT_MS = 1_000;
const RECONNECT_AT_MOST_EVERY_MS = 2_000;
/** A connection whose other end went silent looks open for a quarter of an hour: so often it is asked. */
const HEARTBEAT_MS = 1_000;
/** What does not answer takes no leave either. */
const LEAVE_WITHIN_MS = 200;

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
 * Shares failures between replicas through Redis. While Redis is away each replica goes on with its own count, and one warning says so; its errors, which
 * carry addresses and commands, are never logged.
 */
export class RedisLimitExchange implements LimitExchange {
  readonly #log: Log;
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #pending = new Map<string, { failures: number; readonly windowMs: number }>();
  readonly #listeners: Listener[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  #flushTimer: NodeJS.Timeout | undefined;
  /** What the log last said. */
  #saidAvailable = true;
  #closed = false;

  constructor(url: Secret, log: Log) {
    this.#log = log;
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
      retryStrategy: (attempt) => Math.min(attempt * 100, RECONNECT_AT_MOST_EVERY_MS),
    };
    // Revealed to its own store alone.
    this.#commands = new Redis(Secret.reveal(url), options);
    this.#subscriber = new Redis(Secret.reveal(url), options);
    this.#watch();
    this.#subscriber.on('ready', () => {
      this.#subscriber.subscribe(CHANNEL).catch(() => {
        this.#giveUp(this.#subscriber);
      });
    });
    this.#subscriber.on('message', (_channel: string, message: string) => {
      this.#heard(message);
    });
    this.#heartbeat = setInterval(() => {
      for (const connection of [this.#commands, this.#subscriber]) this.#ask(connection);
    }, HEARTBEAT_MS).unref();
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

  /** Whether counts are shared now. Limits go on without it. */
  get available(): boolean {
    return this.#commands.status === 'ready' && this.#subscriber.status === 'ready';
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#flushTimer);
    await this.#flush();
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  async #flush(): Promise<void> {
    this.#flushTimer = undefined;
    const reports = [...this.#pending];
    this.#pending.clear();
    if (this.#commands.status !== 'ready') return;
    await Promise.allSettled(
      reports.map(([key, { failures, windowMs }]) =>
        this.#commands.eval(ADD_AND_TELL, 1, KEY_PREFIX + key, failures, windowMs, CHANNEL, key),
      ),
    );
  }

  #heard(message: string): void {
    const parts = /^(\d{1,10}) (\d{1,10}) (.+)$/.exec(message);
    if (parts?.[3] === undefined) return;
    for (const listener of this.#listeners) listener(parts[3], Number(parts[1]), Number(parts[2]));
  }

  #ask(connection: Redis): void {
    if (connection.status !== 'ready') return;
    connection.ping().catch(() => {
      if (connection.status === 'ready') this.#giveUp(connection);
    });
  }

  /** Another connection may do better. */
  #giveUp(connection: Redis): void {
    if (this.#closed) return;
    this.#lost();
    connection.disconnect(true);
  }

  #watch(): void {
    for (const connection of [this.#commands, this.#subscriber]) {
      // Without a listener the library prints the error itself.
      connection.on('error', () => {
        this.#lost();
      });
      connection.on('close', () => {
        this.#lost();
      });
      connection.on('ready', () => {
        this.#regained();
      });
    }
  }

  /** Said once for each outage, however often the library tries. */
  #lost(): void {
    if (this.#closed || !this.#saidAvailable) return;
    this.#saidAvailable = false;
    this.#log.warn('redis_unavailable', { effect: 'each replica counts failed attempts for itself' });
  }

  #regained(): void {
    if (this.#closed || this.#saidAvailable || !this.available) return;
    this.#saidAvailable = true;
    this.#log.info('redis_available');
  }
}
