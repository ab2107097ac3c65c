import { setTimeout as delay } from 'node:timers/promises';
import { Secret } from '../../src/config/secret.ts';
import { FailureLimits } from '../../src/http/failure-limits.ts';
import { RedisLimitExchange } from '../../src/http/redis-limit-exchange.ts';
import { Log } from '../../src/log/log.ts';
import { fail, failureLimitsConformance, LIMIT, verdict } from '../conformance/failure-limits.ts';
import { eventually } from '../../libs/token/test/eventually.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import { TestClock } from '../support/test-clock.ts';

interface Replica {
  readonly limits: FailureLimits;
  readonly exchange: RedisLimitExchange;
  readonly clock: TestClock;
}

const CLIENT = 'acme/shop/web';
const WITHIN_MS = 8_000;
const output: string[] = [];
const replicas: Replica[] = [];
let redis: RunningRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const { limits } of replicas.splice(0)) await limits.onApplicationShutdown();
});
afterAll(async () => {
  await redis.close();
  expect(output.join('')).not.toContain(String(redis.port));
});

async function replica(): Promise<Replica> {
  const log = new Log('info', { write: (line) => output.push(line) });
  const exchange = new RedisLimitExchange(new Secret(redis.url), log);
  const clock = new TestClock();
  const started = { limits: new FailureLimits(LIMIT, clock, exchange), exchange, clock };
  replicas.push(started);
  await eventually('Redis is there', () => exchange.available, WITHIN_MS);
  return started;
}

const refuses = ({ limits }: Replica, source: string) => verdict(limits, source, CLIENT) !== 'accepted';

failureLimitsConformance('shared through Redis', replica);

describe('failure limits of two replicas', () => {
  it('count together', async () => {
    const [one, other] = [await replica(), await replica()];
    fail(one.limits, '198.51.100.1', CLIENT, LIMIT / 2);
    fail(other.limits, '198.51.100.1', CLIENT, LIMIT / 2);
    await eventually('both refuse', () => refuses(one, '198.51.100.1') && refuses(other, '198.51.100.1'), WITHIN_MS);
  });

  it('reach a replica that saw no failure itself', async () => {
    const [one, other] = [await replica(), await replica()];
    fail(one.limits, '198.51.100.2', CLIENT, LIMIT);
    await eventually('the other refuses', () => refuses(other, '198.51.100.2'), WITHIN_MS);
    expect(verdict(other.limits, '198.51.100.3', CLIENT)).toBe('accepted');
  });

  it('reach a replica that starts later with its first failure', async () => {
    const one = await replica();
    fail(one.limits, '198.51.100.4', CLIENT, LIMIT);
    await delay(100);
    const late = await replica();
    fail(late.limits, '198.51.100.4', CLIENT, 1);
    await eventually('the late one refuses', () => refuses(late, '198.51.100.4'), WITHIN_MS);
  });

  it('go on in each process while Redis is away, with one warning, and together again after it', async () => {
    const [one, other] = [await replica(), await replica()];
    output.length = 0;
    await redis.stop('SIGKILL');
    await eventually('Redis is away', () => !one.exchange.available && !other.exchange.available, WITHIN_MS);
    const startedAt = performance.now();
    fail(one.limits, '198.51.100.5', CLIENT, LIMIT);
    expect(refuses(one, '198.51.100.5')).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await delay(1_000);
    expect(refuses(other, '198.51.100.5')).toBe(false);
    expect(events()).toEqual(['redis_unavailable', 'redis_unavailable']);

    await redis.restart();
    await eventually('Redis is back', () => one.exchange.available && other.exchange.available, WITHIN_MS);
    // A subscription is made again a moment after its connection.
    const otherHears = () => {
      fail(one.limits, '198.51.100.6', CLIENT, 1);
      return refuses(other, '198.51.100.6');
    };
    await eventually('the other refuses', otherHears, WITHIN_MS);
    expect(events()).toEqual(['redis_unavailable', 'redis_unavailable', 'redis_available', 'redis_available']);
  });
});

function events(): string[] {
  return output.map((line) => (JSON.parse(line) as { event: string }).event);
}
