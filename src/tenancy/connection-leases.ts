import { unavailable } from '../errors/tessera-error.ts';
import { within } from '../runtime/deadline.ts';
import { TENANT_DATABASE } from './tenant-database.ts';

/** One tenant's share of the budget. Only `ConnectionLeases` changes the numbers. */
export interface LeaseAccount {
  /** Connections that it may have open now. They count against the budget even if they are not open yet. */
  capacity: number;
  leases: number;
  /** The maximum of `capacity`. */
  readonly limit: number;
  /** SQLite runs one statement at a time, so its one connection serves any number of leases. */
  readonly isShared: boolean;
  /** False while it is being opened or closed. */
  isEvictable: boolean;
  /** Accounts on the same server can take over each other's connections. Undefined: it has none that another could use. */
  readonly server: string | undefined;
}

export interface LeaseOwner<Account> {
  /** Closes all connections of an idle account, which has no leases and gets no new ones. */
  evict(account: Account): Promise<void>;
  /** Closes one idle connection of an account that has more connections than leases. */
  shrink(account: Account): Promise<void>;
  /**
   * Gives one connection of an idle account to one on the same server, which has none, and closes the others like `evict`. Gives it before it
   * returns, because `heir` has its lease then.
   */
  handOver(account: Account, heir: Account): Promise<void>;
}

interface Waiter<Account> {
  readonly account: Account;
  readonly granted: () => void;
}

/**
 * Controls who may use a connection. A lease is the right to use one connection of one tenant. All tenants together stay within a budget, and each
 * within its limit. If no lease is free, callers wait for a limited time, first come, first served.
 *
 * When the budget is used up, a connection is freed for the first in line: it takes over a connection of the longest idle pool on its own server, or
 * the longest idle pool is closed, or one spare connection is taken from the tenant that just returned a lease. So neither many idle tenants nor one
 * busy tenant can lock out another.
 */
export class ConnectionLeases<Account extends LeaseAccount> {
  readonly #budget: number;
  readonly #waitMs: number;
  readonly #owner: LeaseOwner<Account>;
  readonly #waiting = new Set<Waiter<Account>>();
  /** Open accounts without leases, the longest idle first. */
  readonly #idle = new Set<Account>();
  #used = 0;
  #leases = 0;
  /** Connections that are being closed to free budget. */
  #closing = 0;

  constructor(budget: number, waitMs: number, owner: LeaseOwner<Account>) {
    this.#budget = budget;
    this.#waitMs = waitMs;
    this.#owner = owner;
  }

  get stats(): { readonly connections: number; readonly leases: number; readonly waiting: number } {
    return { connections: this.#used, leases: this.#leases, waiting: this.#waiting.size };
  }

  /** @throws TesseraError `temporarily_unavailable` if none becomes free within the time limit */
  async acquire(account: Account): Promise<void> {
    if (this.#take(account)) return;
    let granted: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      granted = resolve;
    });
    const waiter: Waiter<Account> = { account, granted };
    const inTime = within(this.#waitMs, turn, () => {
      this.#waiting.delete(waiter);
      throw unavailable(TENANT_DATABASE, 'out of connections');
    });
    this.#waiting.add(waiter);
    this.#makeRoom();
    await inTime;
  }

  release(account: Account): void {
    account.leases -= 1;
    this.#leases -= 1;
    if (account.leases === 0) this.#markIdle(account);
    if (this.#waiting.size > 0) this.#serve(account);
  }

  /** Call when an account has been opened and can be evicted from now on. */
  opened(account: Account): void {
    account.isEvictable = true;
    if (account.leases === 0) this.#markIdle(account);
    if (this.#waiting.size > 0) this.#makeRoom();
  }

  /** Closes an account and returns its connections to the budget. It must have no leases. */
  evict(account: Account): Promise<void> {
    const freed = this.#leave(account);
    return this.#free(freed, () => this.#owner.evict(account));
  }

  /** Takes an account out of use. @returns the connections that it had */
  #leave(account: Account): number {
    this.#idle.delete(account);
    account.isEvictable = false;
    const { capacity } = account;
    account.capacity = 0;
    return capacity;
  }

  /** Counts connections against the budget until `close` has closed them. */
  async #free(connections: number, close: () => Promise<void>): Promise<void> {
    this.#closing += connections;
    try {
      await close();
    } finally {
      this.#closing -= connections;
      this.#used -= connections;
      if (this.#waiting.size > 0) this.#serve(undefined);
    }
  }

  #markIdle(account: Account): void {
    if (!account.isEvictable) return;
    this.#idle.delete(account);
    this.#idle.add(account);
  }

  #take(account: Account): boolean {
    const hasSpare = account.isShared ? account.capacity > 0 : account.leases < account.capacity;
    if (!hasSpare) {
      if (account.capacity >= account.limit || this.#used >= this.#budget) return false;
      account.capacity += 1;
      this.#used += 1;
    }
    account.leases += 1;
    this.#leases += 1;
    this.#idle.delete(account);
    return true;
  }

  #serve(released: Account | undefined): void {
    let wanted = -this.#closing;
    for (const waiter of this.#waiting) {
      if (this.#take(waiter.account)) {
        this.#waiting.delete(waiter);
        waiter.granted();
        continue;
      }
      if (waiter.account.capacity >= waiter.account.limit) continue;
      wanted += 1;
      // Immediately, before a later waiter takes the returned lease.
      if (wanted <= 0 || released === undefined || released === waiter.account || !canGive(released)) continue;
      wanted -= 1;
      void this.#shrink(released);
    }
    if (this.#waiting.size > 0) this.#makeRoom();
  }

  /** Hands over or closes as many idle connections as the waiters need, first come, first served. */
  #makeRoom(): void {
    let coming = this.#closing;
    for (const waiter of this.#waiting) {
      const { account } = waiter;
      if (account.capacity >= account.limit) continue;
      const giver = account.capacity === 0 ? this.#longestIdle(account.server) : undefined;
      if (giver !== undefined) {
        coming += giver.capacity - 1;
        this.#handOver(giver, waiter);
      } else if (coming > 0) coming -= 1;
      else coming += this.#closeLongestIdle() - 1;
    }
  }

  #longestIdle(server: string | undefined): Account | undefined {
    if (server === undefined) return undefined;
    for (const account of this.#idle) if (account.server === server && account.capacity > 0) return account;
    return undefined;
  }

  /** The waiter gets its lease at once: the connection stays open, so it needs no room in the budget. */
  #handOver(giver: Account, waiter: Waiter<Account>): void {
    const { account } = waiter;
    const others = this.#leave(giver) - 1;
    account.capacity += 1;
    account.leases += 1;
    this.#leases += 1;
    void this.#free(others, () => this.#owner.handOver(giver, account));
    this.#waiting.delete(waiter);
    waiter.granted();
  }

  /** @returns how many connections it has; 0: no account is idle */
  #closeLongestIdle(): number {
    for (const account of this.#idle) {
      const { capacity } = account;
      if (capacity === 0) continue;
      void this.evict(account);
      return capacity;
    }
    return 0;
  }

  /** Takes one connection away from the account. */
  #shrink(account: Account): Promise<void> {
    account.capacity -= 1;
    return this.#free(1, () => this.#owner.shrink(account));
  }

  /** Idle accounts, the longest idle first. */
  idle(): Iterable<Account> {
    return this.#idle;
  }
}

/** Whether the account has a connection that no lease uses. */
function canGive({ isShared, isEvictable, leases, capacity }: LeaseAccount): boolean {
  return !isShared && isEvictable && leases > 0 && leases < capacity;
}
