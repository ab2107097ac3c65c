import { unavailable } from '../errors/tessera-error.ts';
import { within } from '../runtime/deadline.ts';
import { TENANT_DATABASE } from './tenant-database.ts';

/** One tenant's share in the budget. Only `ConnectionLeases` changes the numbers. */
export interface LeaseAccount {
  /** Connections that it may have open now; they count against the budget whether open yet or not. */
  capacity: number;
  leases: number;
  /** The most connections it may have. */
  readonly limit: number;
  /** SQLite runs in process, one statement at a time: its one connection serves any number of leases. */
  readonly isShared: boolean;
  /** False while it is being opened or closed. */
  isEvictable: boolean;
}

export interface LeaseOwner<Account> {
  /** Closes all of an idle account's connections. It has no leases and gets none any more. */
  evict(account: Account): Promise<void>;
  /** Closes one idle connection of an account that has more than it has leases. */
  shrink(account: Account): Promise<void>;
}

interface Waiter<Account> {
  readonly account: Account;
  readonly granted: () => void;
}

/**
 * Who may use a connection now. A lease is the right to one connection of one tenant; all tenants together stay within a budget, each
 * within its limit. A lease that is not to be had waits, first come first served, for a bounded time.
 *
 * When the budget is used up, room is made for the first in line: by closing the pool that was idle longest, else by taking one
 * spare connection from the tenant that just gave back a lease. So neither many quiet tenants nor one noisy one can keep another out.
 */
export class ConnectionLeases<Account extends LeaseAccount> {
  readonly #budget: number;
  readonly #waitMs: number;
  readonly #owner: LeaseOwner<Account>;
  readonly #waiting = new Set<Waiter<Account>>();
  /** Open and without leases, the one that is idle longest first. */
  readonly #idle = new Set<Account>();
  #used = 0;
  #leases = 0;
  /** Connections that are being closed to make room. */
  #closing = 0;

  constructor(budget: number, waitMs: number, owner: LeaseOwner<Account>) {
    this.#budget = budget;
    this.#waitMs = waitMs;
    this.#owner = owner;
  }

  get stats(): { readonly connections: number; readonly leases: number; readonly waiting: number } {
    return { connections: this.#used, leases: this.#leases, waiting: this.#waiting.size };
  }

  /** @throws TesseraError `temporarily_unavailable` when there is none within the bounded wait */
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

  /** Called when an account can be evicted that could not: it was opened. */
  opened(account: Account): void {
    account.isEvictable = true;
    if (account.leases === 0) this.#markIdle(account);
    if (this.#waiting.size > 0) this.#makeRoom();
  }

  /** Closes an account and gives its connections back to the budget. It must have no leases. */
  async evict(account: Account): Promise<void> {
    this.#idle.delete(account);
    account.isEvictable = false;
    const freed = account.capacity;
    account.capacity = 0;
    this.#closing += freed;
    try {
      await this.#owner.evict(account);
    } finally {
      this.#closing -= freed;
      this.#used -= freed;
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
      // At once, before a later waiter takes the lease that came back.
      if (wanted <= 0 || released === undefined || released === waiter.account || !canGive(released)) continue;
      wanted -= 1;
      void this.#shrink(released);
    }
    if (this.#waiting.size > 0) this.#makeRoom();
  }

  /** Closes as many idle pools as those who wait for the budget need. */
  #makeRoom(): void {
    let wanted = -this.#closing;
    for (const { account } of this.#waiting) if (account.capacity < account.limit) wanted += 1;
    for (const account of this.#idle) {
      if (wanted <= 0) return;
      if (account.capacity === 0) continue;
      wanted -= account.capacity;
      void this.evict(account);
    }
  }

  /** Its connection is its own no longer, but counts until it is closed. */

  async #shrink(account: Account): Promise<void> {
    account.capacity -= 1;
    this.#closing += 1;
    try {
      await this.#owner.shrink(account);
    } finally {
      this.#closing -= 1;
      this.#used -= 1;
      if (this.#waiting.size > 0) this.#serve(undefined);
    }
  }

  /** Idle ones in the order of how long they are. */
  idle(): Iterable<Account> {
    return this.#idle;
  }
}

/** Only what it does not use. */
function canGive({ isShared, isEvictable, leases, capacity }: LeaseAccount): boolean {
  return !isShared && isEvictable && leases > 0 && leases < capacity;
}
