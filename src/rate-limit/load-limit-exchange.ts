import type { Config } from '../config/config.ts';
import type { Log } from '../logging/log.ts';
import type { LimitExchange } from './limit-exchange.ts';

/** The Redis client is loaded only where `REDIS_URL` asks for it. */
export async function loadLimitExchange(
  { redisUrl }: Pick<Config, 'redisUrl'>,
  log: Log,
): Promise<LimitExchange | undefined> {
  if (redisUrl === undefined) return undefined;
  const { RedisLimitExchange } = await import('./redis-limit-exchange.ts');
  return new RedisLimitExchange(redisUrl, log);
}
