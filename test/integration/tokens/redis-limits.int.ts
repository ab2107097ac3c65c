import { setTimeout as delay } from 'node:timers/promises';
import { Secret } from '../../../src/config/secret.ts';
import { FailureLimits } from '../../../src/rate-limit/failure-limits.ts';
import { RedisLimitExchange } from '../../../src/rate-limit/redis-limit-exchange.ts';
import { Log } from '../../../src/logging/log.ts';
import { fail, LIMIT, verdict } from '../../../src/testing/failure-limits.ts';
import { failureLimitsConformance } from '../../conformance/failure-limits.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type RunningRedis, startRedis } from '../../support/servers/redis.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

interface Replica {
  readonly limits: FailureLimits;
  readonly exchange: RedisLimitExchange;
  readonly clock: TestClock;
}

/** The account in docs/operation.md, without its name and password. */
const ACCOUNT = /^ACL SETUSER tessera (.*) >PASSWORD$/m.exec(readPage('docs/operation.md'))![1]!.split(' ');

const CLIENT = 'acme/shop/web';
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

async function replica(url = redis.url): Promise<Replica> {
  const started = startReplica(url);
  await eventually('Redis is there', () => started.exchange.available);
  return started;
}

function startReplica(url: string): Replica {
  const log = new Log('info', { write: (line) => output.push(line) });
  const exchange = new RedisLimitExchange(new Secret(url), log);
  const clock = new TestClock();
  const started = {
    limits: new FailureLimits({ limits: { failuresPerMinute: LIMIT }, caches: { tenants: 1 } }, clock, exchange),
    exchange,
    clock,
  };
  replicas.push(started);
  return started;
}

const refuses = ({ limits }: Replica, source: string) => verdict(limits, source, CLIENT) !== 'accepted';

failureLimitsConformance('shared through Redis', replica);

describe('failure limits of two replicas', () => {
  it('count together', async () => {
    const [one, other] = [await replica(), await replica()];
    fail(one.limits, '198.51.100.1', CLIENT, LIMIT / 2);
    fail(other.limits, '198.51.100.1', CLIENT, LIMIT / 2);
    await eventually('both refuse', () => refuses(one, '198.51.100.1') && refuses(other, '198.51.100.1'));
  });

  it('reach a replica that saw no failure itself', async () => {
    const [one, other] = [await replica(), await replica()];
    fail(one.limits, '198.51.100.2', CLIENT, LIMIT);
    await eventually('the other refuses', () => refuses(other, '198.51.100.2'));
    expect(verdict(other.limits, '198.51.100.3', CLIENT)).toBe('accepted');
  });

  it('reach a replica that starts later with its first failure', async () => {
    const one = await replica();
    fail(one.limits, '198.51.100.4', CLIENT, LIMIT);
    await delay(100);
    const late = await replica();
    fail(late.limits, '198.51.100.4', CLIENT, 1);
    await eventually('the late one refuses', () => refuses(late, '198.51.100.4'));
  });

  it('continue in each process while Redis is down, with one warning, and together again after it', async () => {
    const [one, other] = [await replica(), await replica()];
    output.length = 0;
    await redis.stop('SIGKILL');
    await eventually('Redis is away', () => !one.exchange.available && !other.exchange.available);
    fail(one.limits, '198.51.100.5', CLIENT, LIMIT);
    expect(refuses(one, '198.51.100.5')).toBe(true);
    await delay(1_000);
    expect(refuses(other, '198.51.100.5')).toBe(false);
    expect(events()).toEqual(['redis_unavailable', 'redis_unavailable']);

    await redis.restart();
    await eventually('Redis is back', () => one.exchange.available && other.exchange.available);
    // The subscription is renewed a moment after the connection.
    const otherHears = () => {
      fail(one.limits, '198.51.100.6', CLIENT, 1);
      return refuses(other, '198.51.100.6');
    };
    await eventually('the other refuses', otherHears);
    expect(events()).toEqual(['redis_unavailable', 'redis_unavailable', 'redis_available', 'redis_available']);
  });
});

describe('a Redis that answers but refuses', () => {
  /** The account of docs/operation.md. */
  const account = (password: string) => [...ACCOUNT, `>${password}`];
  const urlOf = (user: string, password: string) => `redis://${user}:${password}@127.0.0.1:${redis.port}`;
  const connections = async () =>
    Number(/total_connections_received:(\d+)/.exec(String(await redis.call('INFO', 'stats')))?.[1]);

  beforeEach(() => {
    output.length = 0;
  });

  it.each([
    {
      name: 'because it has become a replica',
      reason: 'read only',
      begin: () => redis.call('REPLICAOF', '127.0.0.1', '1'),
      end: () => redis.call('REPLICAOF', 'NO', 'ONE'),
    },
    {
      name: 'because the account may not use the channel',
      reason: 'permission is missing',
      begin: () => redis.call('ACL', 'SETUSER', 'tessera', 'resetchannels'),
      end: () => redis.call('ACL', 'SETUSER', 'tessera', ...account('s3cret-password')),
    },
    {
      name: 'because the account may not run the script',
      reason: 'permission is missing',
      begin: () => redis.call('ACL', 'SETUSER', 'tessera', '-eval'),
      end: () => redis.call('ACL', 'SETUSER', 'tessera', ...account('s3cret-password')),
    },
    {
      name: 'because the account may not publish',
      reason: 'permission is missing',
      begin: () => redis.call('ACL', 'SETUSER', 'tessera', '-publish'),
      end: () => redis.call('ACL', 'SETUSER', 'tessera', ...account('s3cret-password')),
    },
    {
      name: 'because the account may not use the keys',
      reason: 'permission is missing',
      begin: () => redis.call('ACL', 'SETUSER', 'tessera', 'resetkeys', '~other:*'),
      end: () => redis.call('ACL', 'SETUSER', 'tessera', ...account('s3cret-password')),
    },
    {
      name: 'because it is full',
      reason: 'out of memory',
      begin: () => redis.call('CONFIG', 'SET', 'maxmemory', '1'),
      end: () => redis.call('CONFIG', 'SET', 'maxmemory', '0'),
    },
  ])('$name is an outage, logged once, until counts arrive again', async ({ reason, begin, end }) => {
    await redis.call('ACL', 'SETUSER', 'tessera', ...account('s3cret-password'));
    const { exchange } = await replica(urlOf('tessera', 's3cret-password'));
    const before = await connections();
    await begin();
    try {
      await eventually('the log says so', () => events().length > 0);
      await delay(1_200);
      expect(exchange.available).toBe(false);
      expect(lines()).toEqual([expect.objectContaining({ event: 'redis_unavailable', reason })]);
      // Two at a time, with growing pauses; plus those of this test.
      expect((await connections()) - before).toBeLessThan(16);
    } finally {
      await end();
    }
    await eventually('counts arrive again', () => exchange.available, 5_000);
    await delay(300);
    expect(events()).toEqual(['redis_unavailable', 'redis_available']);
    expect(output.join('')).not.toMatch(/s3cret|ACL|tessera:/);
  });

  it('is an outage from the start with a wrong password, and available with the right one', async () => {
    await redis.call('ACL', 'SETUSER', 'late', 'reset', ...account('another'));
    const { exchange } = startReplica(urlOf('late', 's3cret-password'));
    await eventually('the log says so', () => events().length > 0);
    await delay(1_500);
    expect(lines()).toEqual([expect.objectContaining({ event: 'redis_unavailable', reason: 'access denied' })]);
    await redis.call('ACL', 'SETUSER', 'late', 'reset', ...account('s3cret-password'));
    await eventually('counts arrive', () => exchange.available, 5_000);
    expect(events()).toEqual(['redis_unavailable', 'redis_available']);
  });

  it('is replaced by the server that has taken over, behind a proxy', async () => {
    const second = await startRedis();
    const proxy = await startTcpProxy(redis.port);
    try {
      await second.call('REPLICAOF', '127.0.0.1', String(redis.port));
      const [one, other] = [
        await replica(`redis://127.0.0.1:${proxy.port}`),
        await replica(`redis://127.0.0.1:${proxy.port}`),
      ];
      await second.call('REPLICAOF', 'NO', 'ONE');
      await redis.call('REPLICAOF', '127.0.0.1', String(second.port));
      proxy.switchTo(second.port);
      await eventually('both have noticed', () => events().length === 2);
      const gapMs = await eventually(
        'both have moved',
        () => one.exchange.available && other.exchange.available,
        5_000,
      );
      process.stdout.write(`Redis failover: shared again ${Math.round(gapMs)} ms after it was noticed\n`);
      fail(one.limits, '198.51.100.7', CLIENT, LIMIT);
      await eventually('the other refuses', () => refuses(other, '198.51.100.7'));
      expect(events()).toEqual(['redis_unavailable', 'redis_unavailable', 'redis_available', 'redis_available']);
    } finally {
      await redis.call('REPLICAOF', 'NO', 'ONE');
      for (const { limits } of replicas.splice(0)) await limits.onApplicationShutdown();
      await proxy.close();
      await second.close();
    }
  });
});

function lines(): { readonly event: string }[] {
  return output.map((line) => JSON.parse(line) as { event: string });
}

function events(): string[] {
  return lines().map(({ event }) => event);
}
