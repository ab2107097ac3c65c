import { existsSync, rmSync } from 'node:fs';
import BetterSqlite from 'better-sqlite3';
import { refusalOf } from '../testing/refusal.ts';
import { ManualClock, storageConfig, temporaryFolder, storedTenant } from '../testing/storage.ts';
import { provisionEmbeddedDirectory } from '../testing/embedded-directory.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { EmbeddedVault } from '../vault/embedded/embedded-vault.ts';

import { TenantConnections } from './tenant-connections.ts';
import { type OpenTenantDatabase, tenantDatabaseFile, TenantDatabaseOpener } from './tenant-database.ts';
import type { Tenant } from './tenant.ts';

describe('TenantConnections', () => {
  const folder = temporaryFolder();
  const config = storageConfig(folder.path);
  const vault = new EmbeddedVault(folder.path);
  const clock = new ManualClock();
  const [a, b] = ['a', 'b'].map((id): Tenant => storedTenant(id)) as [Tenant, Tenant];
  const opener = new TenantDatabaseOpener(config, vault, clock);
  let opened: string[];
  let closed: string[];
  let failure: Error | undefined;
  let connections: TenantConnections;

  /** Opens real databases and records each opening. */
  async function open(tenant: Tenant): Promise<OpenTenantDatabase> {
    opened.push(tenant.id);
    if (failure !== undefined) throw failure;
    const open = await opener.open(tenant);
    const { database } = open;
    const close = database.close.bind(database);
    database.close = () => {
      closed.push(tenant.id);
      return close();
    };
    return open;
  }
  const connect = (limits: Partial<typeof config.connections> = {}) => {
    connections = new TenantConnections({ open, forget: () => undefined }, clock, {
      ...config,
      connections: { ...config.connections, waitMs: 100, ...limits },
    });
    return connections;
  };
  const owner = (tenant: Tenant) =>
    connections.use(tenant, async (database) => (await database.query('SELECT tenant_id FROM tessera_owner'))[0]);
  /** A lease that is held until `end` is called. */
  function hold(tenant: Tenant) {
    let end: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const done = connections.use(tenant, async (database) => {
      begun();
      await held;
      return database.query('SELECT tenant_id FROM tessera_owner');
    });
    return { started, end, done };
  }

  beforeAll(async () => {
    for (const tenant of [a, b]) await provisionEmbeddedDirectory(folder.path, vault, tenant);
  });
  beforeEach(() => {
    opened = [];
    closed = [];
    failure = undefined;
  });
  afterEach(() => connections.close());
  afterAll(async () => {
    await vault.close();
    folder.remove();
  });

  it('opens once for concurrent callers, and not again afterwards', async () => {
    connect();
    await Promise.all(Array.from({ length: 50 }, () => owner(a)));
    expect(await owner(a)).toEqual({ tenant_id: 'a' });
    expect(opened).toEqual(['a']);
  });

  it('repeats the error of a failed opening for a second, then tries again', async () => {
    connect();
    failure = unavailable('tenant database', 'connection refused');
    const refusals = await Promise.all(Array.from({ length: 10 }, () => refusalOf(owner(a))));
    expect(refusals[9]).toMatchObject({ reason: 'tenant database: connection refused' });
    clock.advance(999);
    await refusalOf(owner(a));
    expect(opened).toEqual(['a']);
    failure = undefined;
    clock.advance(1);
    expect(await owner(a)).toEqual({ tenant_id: 'a' });
    expect(connections.stats).toMatchObject({ pools: 1, leases: 0, waiting: 0 });
  });

  it('returns the budget of a failed opening', async () => {
    connect({ tenantBudget: 1 });
    failure = unavailable('tenant database', 'connection refused');
    await refusalOf(owner(a));
    failure = undefined;
    expect(await owner(b)).toEqual({ tenant_id: 'b' });
  });

  it('closes an idle pool when another tenant needs its budget', async () => {
    connect({ tenantBudget: 1 });
    await owner(a);
    expect(await owner(b)).toEqual({ tenant_id: 'b' });
    expect(closed).toEqual(['a']);
    expect(connections.stats).toMatchObject({ pools: 1, connections: 1 });
  });

  it('never closes a pool in use: the other tenant waits for a limited time', async () => {
    connect({ tenantBudget: 1 });
    const lease = hold(a);
    await lease.started;
    expect((await refusalOf(owner(b))).reason).toBe('tenant database: out of connections');
    expect(closed).toEqual([]);
    const waiting = owner(b);
    lease.end();
    expect(await lease.done).toEqual([{ tenant_id: 'a' }]);
    expect(await waiting).toEqual({ tenant_id: 'b' });
  });

  it('does not wait past its own time limit for a slow opening', async () => {
    let finish: () => void = () => undefined;
    const slowly = new Promise<void>((resolve) => (finish = resolve));
    connections = new TenantConnections(
      {
        open: async (tenant) => {
          await slowly;
          return open(tenant);
        },
        forget: () => undefined,
      },
      clock,
      { ...config, connections: { ...config.connections, waitMs: 50 } },
    );
    expect((await refusalOf(owner(a))).reason).toBe('tenant database: no answer in time');
    finish();
    // The opening went on in the background, for later callers.
    expect(await owner(a)).toEqual({ tenant_id: 'a' });
    expect(opened).toEqual(['a']);
  });

  it('closes pools that are idle for too long, and no others', async () => {
    connect({ idleSeconds: 60 });
    await owner(a);
    clock.advance(30_000);
    await owner(b);
    const lease = hold(b);
    await lease.started;
    clock.advance(30_000);
    connections.sweep();
    expect(connections.stats.pools).toBe(1);
    lease.end();
    await lease.done;
    expect(closed).toEqual(['a']);
  });

  it('opens a new pool when the tenant moved to another database, and closes the old one after its last lease', async () => {
    connect();
    const lease = hold(a);
    await lease.started;
    failure = unavailable('tenant database', 'connection refused');
    const moved: Tenant = { ...a, version: 2, database: { driver: 'mysql', host: 'db2', port: 3306, name: 'd' } };
    await refusalOf(connections.use(moved, (database) => database.query('SELECT 1')));
    expect(opened).toEqual(['a', 'a']);
    expect(closed).toEqual([]);
    lease.end();
    await lease.done;
    expect(closed).toEqual(['a']);
  });

  it('reopens an embedded directory when its tenant changed: the file may be another one', async () => {
    const connected = connect();
    const names = () =>
      connected.use(again, async (database) =>
        (await database.query('SELECT name FROM tessera_scopes')).map(({ name }) => name),
      );
    let again: Tenant = storedTenant('again');
    await provisionEmbeddedDirectory(folder.path, vault, again);
    const byHand = (sql: string) => {
      const database = new BetterSqlite(tenantDatabaseFile(folder.path, again.id));
      database.exec(sql);
      database.close();
    };
    byHand(`DELETE FROM tessera_scopes; INSERT INTO tessera_scopes (name) VALUES ('old')`);
    expect(await names()).toEqual(['old']);
    for (const end of ['', '-wal', '-shm']) rmSync(tenantDatabaseFile(folder.path, again.id) + end, { force: true });
    await provisionEmbeddedDirectory(folder.path, vault, again);
    byHand(`DELETE FROM tessera_scopes; INSERT INTO tessera_scopes (name) VALUES ('new')`);
    again = { ...again, version: 2 };
    expect(await names()).toEqual(['new']);
    expect(closed).toEqual(['again']);
    expect(await names()).toEqual(['new']);
    expect(opened).toEqual(['again', 'again']);
  });

  it('keeps the pool of a server when another part of the tenant changed', async () => {
    connect();
    failure = unavailable('tenant database', 'connection refused');
    const onServer: Tenant = { ...a, database: { driver: 'mysql', host: 'db2', port: 3306, name: 'd' } };
    await refusalOf(owner(onServer));
    await refusalOf(owner({ ...onServer, version: 2, name: 'New name' }));
    expect(opened).toEqual(['a']);
  });

  it('does not create a missing directory', async () => {
    connect();
    const missing: Tenant = storedTenant('missing');
    expect((await refusalOf(owner(missing))).reason).toBe('tenant database: database does not exist');
    expect(existsSync(tenantDatabaseFile(folder.path, missing.id))).toBe(false);
  });

  it('refuses after it is closed', async () => {
    connect();
    await connections.close();
    expect((await refusalOf(owner(a))).code).toBe('temporarily_unavailable');
  });
});
