import { type Connection, createConnection } from 'mysql2/promise';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { Secret } from '../../../src/config/secret.ts';
import { withMysqlConnection } from '../../../src/database/mysql/mysql-connection.ts';
import type { MysqlDatabase } from '../../../src/database/mysql/mysql-database.ts';
import { NO_ENTITIES } from '../../../src/database/schema.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { openTenantDatabase } from '../../support/fixtures/tenant-directories.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { type TcpProxy, startTcpProxy } from '../../support/servers/tcp-proxy.ts';

/** Two servers with the same account. New connections to the address lead to one of them, as behind a load balancer or after a failover. */
let first: RunningMariaDb;
let second: RunningMariaDb;
let proxy: TcpProxy;

beforeAll(async () => {
  [first, second] = await Promise.all([startMariaDb(), startMariaDb()]);
  await Promise.all([first, second].map((server) => server.createTenantDatabase('d_acme')));
  proxy = await startTcpProxy(first.port);
});
afterAll(async () => {
  await proxy.close();
  await Promise.all([first.close(), second.close()]);
});
beforeEach(() => {
  proxy.switchTo(first.port);
});

it('spares a connection of the same account with the same id on another server', async () => {
  await raiseIdsAbove(await nextId(second), first);
  await onDatabase(async (database) => {
    const [row] = await database.query('SELECT CONNECTION_ID() AS id');
    const id = Number(row?.['id']);
    const other = await connectionWithId(second, id);
    try {
      proxy.switchTo(second.port);
      const before = await countsOf(second);
      const { letGo } = await abandon(database);
      await letGo;
      const after = await countsOf(second);
      // One login is that of the test itself.
      expect(after.logins - before.logins).toBeGreaterThan(1);
      expect(after.kills).toBe(before.kills);
      const [alive] = await other.query('SELECT CONNECTION_ID() AS id');
      expect(alive).toEqual([{ id }]);
    } finally {
      other.destroy();
    }
  });
});

it('kills a statement once the address leads to its server again', async () => {
  await onDatabase(async (database) => {
    await database.query('SELECT 1 AS one');
    proxy.switchTo(second.port);
    const [killsBefore, otherBefore] = [(await countsOf(first)).kills, await countsOf(second)];
    const { letGo } = await abandon(database);
    let ownLogins = 0;
    await eventually('another server is asked', async () => {
      ownLogins += 1;
      return (await countsOf(second)).logins - otherBefore.logins > ownLogins;
    });
    proxy.switchTo(first.port);
    await letGo;
    expect((await countsOf(first)).kills).toBeGreaterThan(killsBefore);
    expect((await countsOf(second)).kills).toBe(otherBefore.kills);
  });
});

it('knows each run of each server by another name, and all connections of one run by the same', async () => {
  const runs = [await runOf(first), await runOf(first), await runOf(second)];
  expect(runs).not.toContain(undefined);
  expect(runs[1]).toBe(runs[0]);
  expect(runs[2]).not.toBe(runs[0]);
  await first.stop();
  await first.restart();
  expect(runs).not.toContain(await runOf(first));
  expect(await runOf(second)).toBe(runs[2]);
});

function runOf({ host, port }: RunningMariaDb) {
  const account = { username: 'd_acme', password: new Secret('d_acme-password') };
  const server = { name: 'tenant database', host, port, timeoutMs: 5000, dangerouslyAllowPlaintext: false } as const;
  return withMysqlConnection({ ...server, ...account }, ({ serverRun }) => Promise.resolve(serverRun));
}

async function onDatabase(work: (database: MysqlDatabase) => Promise<void>): Promise<void> {
  const options = { schema: NO_ENTITIES, answerLimit: 65_536, timeoutMs: 2000 };
  const database = await openTenantDatabase(proxy.port, 'acme', options);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** Runs a statement that gets no answer in time. `letGo` resolves when its connection counts no more. */
async function abandon(database: MysqlDatabase): Promise<{ readonly letGo: Promise<void> }> {
  const refusal = await refusalOf(database.query('SELECT SLEEP(600) AS nap'));
  expect(refusal.reason).toBe('tenant database: no answer in time');
  const letGo = database.letGo(refusal);
  if (letGo === undefined) throw new Error('no statement was abandoned');
  return { letGo };
}

/** What the server has counted since its start: logins, and statements that kill. */
async function countsOf(server: RunningMariaDb): Promise<{ readonly logins: number; readonly kills: number }> {
  const rows = await server.sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Connections', 'Com_kill')");
  const countOf = (name: string) => Number(rows.find((row) => row['Variable_name'] === name)?.['Value']);
  return { logins: countOf('Connections'), kills: countOf('Com_kill') };
}

function connectionTo(server: RunningMariaDb): Promise<Connection> {
  const { host, port } = server;
  return createConnection({ host, port, user: 'd_acme', password: 'd_acme-password' });
}

async function nextId(server: RunningMariaDb): Promise<number> {
  const connection = await connectionTo(server);
  connection.destroy();
  return connection.threadId;
}

async function raiseIdsAbove(id: number, server: RunningMariaDb): Promise<void> {
  while ((await nextId(server)) <= id);
}

async function connectionWithId(server: RunningMariaDb, id: number): Promise<Connection> {
  for (;;) {
    const connection = await connectionTo(server);
    if (connection.threadId === id) return connection;
    connection.destroy();
    if (connection.threadId > id) throw new Error(`the server has given away the id ${id}`);
  }
}
