import { setTimeout as delay } from 'node:timers/promises';
import { refusalOf } from '../testing/refusal.ts';
import { ConnectionLeases, type LeaseAccount } from './connection-leases.ts';

class Account implements LeaseAccount {
  readonly name: string;
  readonly limit: number;
  readonly isShared: boolean;
  readonly server: string | undefined;
  capacity = 0;
  leases = 0;
  isEvictable = true;

  constructor(name: string, limit = 4, isShared = false, server?: string) {
    this.server = server;
    this.name = name;
    this.limit = limit;
    this.isShared = isShared;
  }
}

function leasesOf(budget: number, waitMs = 20) {
  const events: string[] = [];
  const leases = new ConnectionLeases<Account>(budget, waitMs, {
    evict: async (account) => {
      if (account.leases > 0) throw new Error('closed what is in use');
      await Promise.resolve();
      events.push(`closed ${account.name}`);
    },
    shrink: async (account) => {
      await Promise.resolve();
      events.push(`took one of ${account.name}`);
    },
    handOver: async (account, heir) => {
      if (account.leases > 0) throw new Error('handed over what is in use');
      events.push(`${heir.name} took over from ${account.name}`);
      await Promise.resolve();
    },
  });
  return { leases, events };
}

describe('ConnectionLeases', () => {
  it('gives a tenant leases up to its limit, then lets it wait, then refuses', async () => {
    const { leases } = leasesOf(10);
    const noisy = new Account('noisy', 2);
    await leases.acquire(noisy);
    await leases.acquire(noisy);
    const refusal = await refusalOf(leases.acquire(noisy));
    expect(refusal).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'tenant database: out of connections',
    });
    expect(leases.stats).toEqual({ connections: 2, leases: 2, waiting: 0 });
  });

  it('does not let another tenant wait for a busy one', async () => {
    const { leases } = leasesOf(10);
    const noisy = new Account('noisy', 1);
    await leases.acquire(noisy);
    const waiting = refusalOf(leases.acquire(noisy));
    await leases.acquire(new Account('quiet'));
    await waiting;
  });

  it('hands a returned lease to the longest waiter', async () => {
    const { leases } = leasesOf(10, 1000);
    const tenant = new Account('tenant', 1);
    const order: number[] = [];
    await leases.acquire(tenant);
    const waiting = [1, 2, 3].map(async (number) => {
      await leases.acquire(tenant);
      order.push(number);
      leases.release(tenant);
    });
    leases.release(tenant);
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
    expect(leases.stats).toEqual({ connections: 1, leases: 0, waiting: 0 });
  });

  it('keeps the connections of an idle tenant while the budget allows', async () => {
    const { leases, events } = leasesOf(2);
    const first = new Account('first');
    await leases.acquire(first);
    leases.release(first);
    await leases.acquire(new Account('second'));
    expect(events).toEqual([]);
    expect(leases.stats.connections).toBe(2);
  });

  it('closes the longest idle pool when the budget is used up, and never one in use', async () => {
    const { leases, events } = leasesOf(3, 1000);
    const [busy, older, newer] = [new Account('busy'), new Account('older'), new Account('newer')];
    for (const account of [busy, older, newer]) await leases.acquire(account);
    leases.release(older);
    leases.release(newer);
    await leases.acquire(new Account('another'));
    expect(events).toEqual(['closed older']);
    expect(leases.stats).toEqual({ connections: 3, leases: 2, waiting: 0 });
  });

  it('does not evict a tenant that is being opened', async () => {
    const { leases, events } = leasesOf(1);
    const opening = new Account('opening');
    opening.isEvictable = false;
    await leases.acquire(opening);
    leases.release(opening);
    await refusalOf(leases.acquire(new Account('another')));
    expect(events).toEqual([]);
    leases.opened(opening);
    await leases.acquire(new Account('third'));
    expect(events).toEqual(['closed opening']);
  });

  it('takes a connection from a tenant with several for one that has none', async () => {
    const { leases, events } = leasesOf(2, 1000);
    const noisy = new Account('noisy', 2);
    await leases.acquire(noisy);
    await leases.acquire(noisy);
    const quiet = new Account('quiet');
    const waiting = leases.acquire(quiet);
    const behind = leases.acquire(noisy);
    leases.release(noisy);
    await waiting;
    expect(events).toEqual(['took one of noisy']);
    expect([noisy.capacity, quiet.capacity]).toEqual([1, 1]);
    leases.release(noisy);
    await behind;
    expect(leases.stats.connections).toBe(2);
  });

  describe('on one server', () => {
    const onServer = (name: string, server = 'db1') => new Account(name, 4, false, server);

    it('hands a connection of the longest idle tenant to the next, and closes its others', async () => {
      const { leases, events } = leasesOf(3, 1000);
      const [older, newer, next] = [onServer('older'), onServer('newer'), onServer('next')];
      for (const account of [older, older, newer]) await leases.acquire(account);
      for (const account of [older, older, newer]) leases.release(account);
      await leases.acquire(next);
      expect(events).toEqual(['next took over from older']);
      expect([older.capacity, newer.capacity, next.capacity]).toEqual([0, 1, 1]);
      await delay(1);
      expect(leases.stats).toEqual({ connections: 2, leases: 1, waiting: 0 });
    });

    it('closes the longest idle tenant for one on another server', async () => {
      const { leases, events } = leasesOf(1, 1000);
      const idle = onServer('idle');
      await leases.acquire(idle);
      leases.release(idle);
      await leases.acquire(onServer('next', 'db2'));
      expect(events).toEqual(['closed idle']);
      expect(leases.stats).toEqual({ connections: 1, leases: 1, waiting: 0 });
    });

    it('serves a tenant on another server first if it came first', async () => {
      const { leases, events } = leasesOf(1, 1000);
      const idle = onServer('idle');
      await leases.acquire(idle);
      const first = leases.acquire(onServer('first', 'db2'));
      const second = leases.acquire(onServer('second'));
      void second.catch(() => undefined);
      leases.release(idle);
      await first;
      expect(events).toEqual(['closed idle']);
      expect(leases.stats).toEqual({ connections: 1, leases: 1, waiting: 1 });
    });

    it('never hands over what is in use or being opened', async () => {
      const { leases, events } = leasesOf(2);
      const [busy, opening] = [onServer('busy'), onServer('opening')];
      opening.isEvictable = false;
      for (const account of [busy, opening]) await leases.acquire(account);
      leases.release(opening);
      await refusalOf(leases.acquire(onServer('next')));
      expect(events).toEqual([]);
    });
  });

  it('never exceeds budget or limit, in any order of events', async () => {
    const { leases } = leasesOf(7, 5000);
    const servers = [undefined, 'db1', 'db2'];
    const accounts = Array.from(
      { length: 30 },
      (_, number) => new Account(String(number), 3, false, servers[number % 3]),
    );
    let most = 0;
    await Promise.all(
      Array.from({ length: 600 }, async (_, number) => {
        const account = accounts[(number * 7919) % 30]!;
        await leases.acquire(account);
        most = Math.max(most, leases.stats.connections);
        expect(account.leases).toBeLessThanOrEqual(account.capacity);
        expect(account.capacity).toBeLessThanOrEqual(3);
        if (number % 3 === 0) await delay(1);
        leases.release(account);
      }),
    );
    expect(most).toBeLessThanOrEqual(7);
    expect(leases.stats).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('serves any number of leases of an embedded database by one connection', async () => {
    const { leases } = leasesOf(1);
    const embedded = new Account('embedded', 1, true);
    for (let number = 0; number < 10; number += 1) await leases.acquire(embedded);
    expect(leases.stats).toEqual({ connections: 1, leases: 10, waiting: 0 });
  });
});
