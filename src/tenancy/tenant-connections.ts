import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type CachesConfig, CONFIG, type ConnectionsConfig } from '../config/config.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Clock } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { Deadline } from '../runtime/deadline.ts';
import { ConnectionLeases, type LeaseAccount } from './connection-leases.ts';
import { FailedLogins } from './failed-logins.ts';
import type { Database } from '../database/database.ts';
import type { DetachedConnection } from '../database/mysql/pool/detached-connection.ts';
import type { DatabaseStateFailure } from '../errors/dependency-failure.ts';
import type { DirectoryRelations } from './relations/directory-relations.ts';
import { RELATIONS_MAX_AGE_MS } from './relations/known-relations.ts';
import { type DatabaseFailureReason, reasonOfFailure } from '../database/database-failure.ts';
import type { Tenant } from './tenant.ts';
import { addressOf, serverOf } from './tenant-address.ts';
import { TENANT_DATABASE, TenantDatabaseOpener } from './tenant-database.ts';

/** What a lease gives access to: plain statements. Directories are changed by DirectoryWriter instead. */
export interface TenantDataSource extends Pick<Database, 'query' | 'kind'> {
  readonly relations: DirectoryRelations;
}

/**
 * How long the error of a failed opening is repeated. A tenant whose server is down costs one attempt per second, not one per request, and is found
 * again well within the promised 5 s.
 */
const FAILURE_MS = 1000;

/** The database of a pool, and what leases get of it. */
interface OpenedPool {
  readonly database: Database;
  readonly source: TenantDataSource;
}

/** Failures of a read that mean that the wrong database was opened. The next attempt opens one anew. */
const NOT_THE_TENANTS: ReadonlySet<unknown> = new Set<DatabaseStateFailure>([
  'belongs to no tenant',
  'belongs to another tenant',
]);

/** The user of a pool may have been replaced by another one, and lost its rights. */
const LOST_RIGHTS: ReadonlySet<unknown> = new Set<DatabaseFailureReason>([
  'no access to the database',
  'permission is missing',
]);

class TenantPool implements LeaseAccount {
  readonly tenantId: TenantId;
  capacity = 0;
  leases = 0;
  isEvictable = false;
  readonly limit: number;
  readonly isShared: boolean;
  readonly address: string;
  readonly server: string | undefined;
  readonly isExternal: boolean;
  openedAtMs = Infinity;
  /** When its relations were found. Those of an external directory are relied on for a limited time, and the pool of a busy tenant is never idle. */
  foundAtMs = Infinity;
  /** A connection of another tenant's pool, for its opening. */
  inherited: DetachedConnection | undefined;
  /** Resolves when its opening has room in the budget. Undefined: it has. */
  room: Promise<void> | undefined;
  opened: Promise<OpenedPool> | undefined;
  database: Database | undefined;
  failure: { readonly error: unknown; readonly atMs: number } | undefined;
  /** Whether new requests must not use the pool. It is closed when its last lease ends. */
  isRetired = false;
  idleSinceMs = 0;

  constructor(tenant: Tenant, perTenant: number, server: string | undefined) {
    this.tenantId = tenant.id;
    this.isShared = tenant.database.driver === 'sqlite';
    this.limit = this.isShared ? 1 : perTenant;
    this.address = addressOf(tenant);
    this.server = server;
    this.isExternal = tenant.directory === 'external';
  }
}

export interface ConnectionStats {
  readonly pools: number;
  readonly connections: number;
  readonly leases: number;
  readonly waiting: number;
  readonly openings: number;
  readonly failures: number;
}

/**
 * Connections to the tenants' databases: one pool (a TypeORM DataSource) per tenant in use. A pool is opened by one attempt at a time and kept while
 * it is used. It is closed when it is idle for too long or others need its budget, but never while a lease is held.
 */
@Injectable()
export class TenantConnections implements OnApplicationShutdown {
  readonly #opener: Pick<TenantDatabaseOpener, 'open' | 'forget'>;
  readonly #clock: Clock;
  readonly #limits: ConnectionsConfig;
  readonly #credentialsMaxAgeMs: number;
  readonly #leases: ConnectionLeases<TenantPool>;
  readonly #pools = new Map<TenantId, TenantPool>();
  readonly #failedLogins = new FailedLogins();
  readonly #sweeper: NodeJS.Timeout;
  #closed = false;
  #openings = 0;
  #failures = 0;

  constructor(
    @Inject(TenantDatabaseOpener) opener: Pick<TenantDatabaseOpener, 'open' | 'forget'>,
    clock: Clock,
    @Inject(CONFIG)
    {
      connections: limits,
      caches,
    }: { readonly connections: ConnectionsConfig; readonly caches: Pick<CachesConfig, 'vaultSeconds'> },
  ) {
    this.#opener = opener;
    this.#clock = clock;
    this.#limits = limits;
    this.#credentialsMaxAgeMs = caches.vaultSeconds * 1000;
    this.#leases = new ConnectionLeases(limits.tenantBudget, limits.waitMs, {
      evict: (pool) => this.#evict(pool),
      shrink: async (pool) => (await pool.opened)?.database.shrink(),
      handOver: (pool, heir) => {
        heir.inherited = pool.database?.detach();
        const closed = this.#evict(pool);
        // Without a connection to take over, it opens one in the place of those that are closed.
        if (heir.inherited === undefined) heir.room = closed;
        return closed;
      },
    });
    this.#sweeper = setInterval(
      () => {
        this.sweep();
      },
      Math.max(1000, (limits.idleSeconds * 1000) / 4),
    );
    this.#sweeper.unref();
  }

  /**
   * Runs `work` with a lease on the tenant's database. `work` must only read: after a failure that newer credentials may mend, as after a password
   * rotation, they are read again and `work` is repeated once.
   *
   * @throws TesseraError `temporarily_unavailable` if there is no lease, no opening or no answer in time; other tenants are not affected
   */
  async use<T>(tenant: Tenant, work: (database: TenantDataSource) => Promise<T>): Promise<T> {
    try {
      return await this.#useOnce(tenant, work);
    } catch (error) {
      const pool = this.#pools.get(tenant.id);
      if (pool?.opened === undefined || pool.failure !== undefined || !this.#mayHaveOldCredentials(pool, error))
        throw error;
      this.#retire(pool);
      return this.#useOnce(tenant, work);
    }
  }

  get stats(): ConnectionStats {
    return { ...this.#leases.stats, pools: this.#pools.size, openings: this.#openings, failures: this.#failures };
  }

  /** Closes pools that are idle for too long, and drops expired failures. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    const idleBeforeMs = nowMs - this.#limits.idleSeconds * 1000;
    for (const pool of [...this.#leases.idle()]) if (pool.idleSinceMs <= idleBeforeMs) void this.#leases.evict(pool);
    for (const pool of this.#pools.values())
      if (pool.failure !== undefined && nowMs - pool.failure.atMs >= FAILURE_MS) this.#forget(pool);
  }

  /** Nest calls this after the last response. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /** Gives no more leases, and closes all pools at once, even with statements running. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(
      pools.map(async (pool) => {
        const opened = await pool.opened?.catch(() => undefined);
        await Promise.all([opened?.database.close(), pool.inherited?.close()]);
      }),
    );
  }

  async #useOnce<T>(tenant: Tenant, work: (database: TenantDataSource) => Promise<T>): Promise<T> {
    if (this.#closed) throw unavailable(TENANT_DATABASE, 'closed');
    const deadline = new Deadline(this.#clock, this.#limits.waitMs);
    const pool = await this.#lease(tenant);
    let letGo: Promise<void> | undefined;
    try {
      const { database, source } = await this.#opened(tenant, pool, deadline);
      try {
        return await work(source);
      } catch (error) {
        letGo = database.letGo(error);
        if (error instanceof TesseraError && NOT_THE_TENANTS.has(error.failure?.kind)) {
          this.#opener.forget(tenant.id);
          this.#fail(pool, error);
        }
        throw error;
      }
    } finally {
      // The caller has its answer, but the connection counts for the tenant until the server has released it.
      if (letGo === undefined) this.#release(pool);
      else
        void letGo.then(() => {
          this.#release(pool);
        });
    }
  }

  async #lease(tenant: Tenant): Promise<TenantPool> {
    for (;;) {
      const pool = this.#poolOf(tenant);
      if (pool.failure !== undefined) throw pool.failure.error;
      await this.#leases.acquire(pool);
      // The pool may have been closed during the wait. The lease is then useless.
      if (!pool.isRetired) return pool;
      this.#release(pool);
    }
  }

  #poolOf(tenant: Tenant): TenantPool {
    const known = this.#pools.get(tenant.id);
    if (known !== undefined) {
      const nowMs = this.#clock.monotonicMs();
      const isOver =
        known.failure === undefined
          ? known.isExternal && nowMs - known.foundAtMs >= RELATIONS_MAX_AGE_MS
          : nowMs - known.failure.atMs >= FAILURE_MS;
      if (!isOver && known.address === addressOf(tenant)) return known;
      this.#retire(known);
    }
    const server = serverOf(tenant);
    const canHandOver = server !== undefined && !this.#failedLogins.areTooMany(server);
    const pool = new TenantPool(tenant, this.#limits.perTenant, canHandOver ? server : undefined);
    this.#pools.set(tenant.id, pool);
    return pool;
  }

  /** The pool's database. The first caller opens it; all others wait for that opening, up to their own deadline. */
  #opened(tenant: Tenant, pool: TenantPool, deadline: Deadline): Promise<OpenedPool> {
    pool.opened ??= this.#openFor(tenant, pool);
    if (pool.isEvictable) return pool.opened;
    return deadline.wait(pool.opened, () => {
      throw unavailable(TENANT_DATABASE, 'no answer in time');
    });
  }

  async #openFor(tenant: Tenant, pool: TenantPool): Promise<OpenedPool> {
    this.#openings += 1;
    try {
      await pool.room;
      const { database, relations, foundAtMs } = await this.#opener.open(tenant, pool.inherited);
      pool.database = database;
      pool.openedAtMs = this.#clock.monotonicMs();
      pool.foundAtMs = foundAtMs;
      this.#countLogin(pool);
      this.#leases.opened(pool);
      return openedPool(database, relations);
    } catch (error) {
      this.#failures += 1;
      this.#countLogin(pool);
      const failure = asUnavailable(error);
      this.#fail(pool, failure);
      // Its budget is returned when the last waiter is gone.
      if (pool.leases === 0) void this.#leases.evict(pool);
      throw failure;
    }
  }

  #countLogin({ server, inherited, database }: TenantPool): void {
    if (server === undefined || inherited === undefined) return;
    if (inherited.failure !== undefined) this.#failedLogins.failed(server, inherited.failure);
    else if (database !== undefined) this.#failedLogins.succeeded(server);
  }

  /** A pool keeps the credentials of its opening. Unless they are denied, the opener reads none that are newer before their maximum age. */
  #mayHaveOldCredentials({ openedAtMs }: TenantPool, error: unknown): boolean {
    const reason = reasonOfFailure(error);
    return (
      reason === 'access denied' ||
      (LOST_RIGHTS.has(reason) && this.#clock.monotonicMs() - openedAtMs >= this.#credentialsMaxAgeMs)
    );
  }

  /** The pool is used no more, and repeats its error for a while. */
  #fail(pool: TenantPool, error: TesseraError): void {
    pool.failure = { error, atMs: this.#clock.monotonicMs() };
    pool.isRetired = true;
  }

  #release(pool: TenantPool): void {
    pool.idleSinceMs = this.#clock.monotonicMs();
    this.#leases.release(pool);
    if (pool.isRetired && pool.leases === 0 && pool.capacity > 0) void this.#leases.evict(pool);
  }

  #retire(pool: TenantPool): void {
    this.#forget(pool);
    pool.isRetired = true;
    if (pool.leases === 0 && pool.capacity > 0) void this.#leases.evict(pool);
  }

  async #evict(pool: TenantPool): Promise<void> {
    pool.isRetired = true;
    // A failed pool is kept for a while to remember its failure. It has no connections.
    if (pool.failure === undefined) this.#forget(pool);
    const opened = await pool.opened?.catch(() => undefined);
    await Promise.all([opened?.database.close(), pool.inherited?.close()]);
  }

  #forget(pool: TenantPool): void {
    if (this.#pools.get(pool.tenantId) === pool) this.#pools.delete(pool.tenantId);
  }
}

function openedPool(database: Database, relations: DirectoryRelations): OpenedPool {
  return {
    database,
    source: { kind: database.kind, relations, query: (sql, parameters) => database.query(sql, parameters) },
  };
}

function asUnavailable(error: unknown): TesseraError {
  return error instanceof TesseraError ? error : unavailable(TENANT_DATABASE, 'cannot be opened', error);
}
