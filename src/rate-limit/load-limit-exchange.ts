import type { Config } from '../config/config.ts';
import type { Log } from '../logging/log.ts';
import type { LimitExchange } from './limit-exchange.ts';

/** Loads the Redis client only if `REDIS_URL` is set. */
export async function loadLimitExchange(
  { redisUrl }: Pick<Config, 'redisUrl'>,
  log: Log,
): Promise<LimitExchange | undefined> {
  if (redisUrl === undefined) return undefined;
  const { RedisLimitExchange } = await import('./redis-limit-exchange.ts');
  return new RedisLimitExchange(redisUrl, log);
}
