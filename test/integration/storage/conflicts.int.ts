import { type Connection, createConnection } from 'mysql2/promise';
import type { EntityManager } from 'typeorm';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { Secret } from '../../../src/config/secret.ts';
import { ERROR_TABLE } from '../../../src/errors/error-table.ts';
import type { Database } from '../../../src/database/database.ts';
import { openMysqlDatabase } from '../../../src/database/mysql/mysql-data-source.ts';
import { NO_ENTITIES } from '../../../src/database/schema.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { startTcpProxy, type TcpProxy } from '../../support/servers/tcp-proxy.ts';

/** Above what any machine needs for a deadlock, which a server finds at once. */
const TIMEOUT_MS = 10_000;

let server: RunningMariaDb;
let proxy: TcpProxy;
let database: Database;
const opened: Database[] = [];
beforeAll(async () => {
  server = await startMariaDb();
  proxy = await startTcpProxy(server.port);
  await server.sql('CREATE DATABASE conflicts');
  database = await open(TIMEOUT_MS);
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await proxy?.close();
  await server?.close();
});
beforeEach(() =>
  server.sql(
    'USE conflicts',
    'CREATE OR REPLACE TABLE counted (id INT PRIMARY KEY, value INT NOT NULL) ENGINE=InnoDB',
    'INSERT INTO counted VALUES (1, 0), (2, 0)',
    'CREATE OR REPLACE TABLE others (id INT PRIMARY KEY) ENGINE=InnoDB',
    // No rollback removes its rows.
    'CREATE OR REPLACE TABLE attempts (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=Aria',
    'CREATE OR REPLACE TABLE failing (id INT PRIMARY KEY) ENGINE=InnoDB',
  ),
);

async function open(timeoutMs: number): Promise<Database> {
  const made = await openMysqlDatabase({
    name: 'control database',
    host: '127.0.0.1',
    port: proxy.port,
    database: 'conflicts',
    username: 'root',
    password: new Secret(server.rootPassword),
    poolSize: 2,
    timeoutMs,
    dangerouslyAllowPlaintext: false,
    answerLimit: Infinity,
    schema: NO_ENTITIES,
  });
  opened.push(made);
  return made;
}

async function valuesOf(...ids: number[]): Promise<unknown[]> {
  const rows = await server.sql(`SELECT value FROM conflicts.counted WHERE id IN (${ids.join(', ')}) ORDER BY id`);
  return rows.map((row) => row['value'] as unknown);
}

async function attempts(): Promise<number> {
  const [row] = await server.sql('SELECT COUNT(*) AS attempts FROM conflicts.attempts');
  return Number(row?.['attempts']);
}

async function deadlocks(): Promise<number> {
  const [row] = await server.sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
  return Number(row?.['Value']);
}

/** Lets each INSERT into `failing` fail with a server's error. */
function failEachInsert(errno: number): Promise<unknown> {
  return server.sql(
    `CREATE OR REPLACE TRIGGER conflicts.failing_insert BEFORE INSERT ON conflicts.failing FOR EACH ROW BEGIN
       INSERT INTO conflicts.attempts VALUES ();
       SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'MARKED';
     END`,
  );
}

/** Another writer with an open transaction in which it has changed row 1. A server undoes the writer of fewer rows: never this one. */
async function withRival(work: (rival: Connection) => Promise<void>): Promise<void> {
  const rival = await createConnection(server.url('conflicts'));
  try {
    await rival.query('START TRANSACTION');
    await rival.query('UPDATE counted SET value = value + 100 WHERE id = 1');
    await rival.query('INSERT INTO others SELECT seq FROM seq_1_to_50');
    await work(rival);
  } finally {
    rival.destroy();
  }
}

async function untilSomebodyWaits(): Promise<void> {
  await eventually('a statement waits for a lock', async () => {
    const [row] = await server.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'");
    return Number(row?.['Value']) > 0;
  });
}

const add = (manager: EntityManager, id: number) =>
  manager.query('UPDATE counted SET value = value + 1 WHERE id = ?', [id]);

describe('a deadlock', () => {
  it('undoes a transaction, which is repeated and changes everything once', async () => {
    await withRival(async (rival) => {
      let made = 0;
      await database.transaction(async (manager) => {
        made += 1;
        await add(manager, 2);
        const waiting = add(manager, 1);
        if (made === 1) {
          await untilSomebodyWaits();
          void rival.query('UPDATE counted SET value = value + 100 WHERE id = 2').then(() => rival.query('COMMIT'));
        }
        await waiting;
      }, TIMEOUT_MS);
      expect(made).toBe(2);
      expect(await valuesOf(1, 2)).toEqual([101, 101]);
    });
  });

  it('undoes a single statement, which is repeated and changes everything once', async () => {
    const before = await deadlocks();
    await withRival(async (rival) => {
      const work = database.query('UPDATE counted SET value = value + 1 WHERE id IN (1, 2) ORDER BY id DESC');
      await untilSomebodyWaits();
      await rival.query('UPDATE counted SET value = value + 100 WHERE id = 2');
      await rival.query('COMMIT');
      await work;
      expect(await valuesOf(1, 2)).toEqual([101, 101]);
      // Without a deadlock the test would show nothing.
      expect(await deadlocks()).toBe(before + 1);
    });
  });

  it('that comes again each time makes a transaction a 503, after a limited number of attempts', async () => {
    await failEachInsert(1213);
    const refusal = await refusalOf(
      database.transaction(async (manager) => {
        await add(manager, 2);
        await manager.query('INSERT INTO failing VALUES (1)');
      }),
    );
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'control database: busy' });
    expect(ERROR_TABLE[refusal.code].status).toBe(503);
    const made = await attempts();
    expect(made).toBeGreaterThan(1);
    expect(await valuesOf(2)).toEqual([0]);
    // No attempt comes after the refusal.
    await database.query('SELECT SLEEP(0.2)');
    expect(await attempts()).toBe(made);
  });

  it('that comes again each time makes a single statement a 503 at its time limit', async () => {
    const hurried = await open(500);
    await failEachInsert(1213);
    const refusal = await refusalOf(hurried.query('INSERT INTO failing VALUES (1)'));
    // The last attempt may have been under way: its result is unknown.
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', reason: 'control database: no answer in time' });
    expect(ERROR_TABLE[refusal.code].status).toBe(503);
    await eventually('no attempt is under way', async () => {
      const before = await attempts();
      await database.query('SELECT SLEEP(0.2)');
      return before > 1 && (await attempts()) === before;
    });
  });
});

describe('what the server has not undone as a whole', () => {
  it('is not repeated after a wait for a lock: 503, and nothing of it is kept', async () => {
    await failEachInsert(1205);
    const work = database.transaction(async (manager) => {
      await add(manager, 2);
      await manager.query('INSERT INTO failing VALUES (1)');
    });
    expect(await refusalOf(work)).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'control database: busy',
    });
    expect(await attempts()).toBe(1);
    expect(await valuesOf(2)).toEqual([0]);
    const single = await refusalOf(database.query('INSERT INTO failing VALUES (1)'));
    expect(single.reason).toBe('control database: busy');
    expect(await attempts()).toBe(2);
  });

  it('is not repeated after the answer to its COMMIT was lost: it has been committed', async () => {
    let made = 0;
    const work = database.transaction(async (manager) => {
      made += 1;
      await add(manager, 2);
      proxy.setMode('lose-next-answer');
    });
    expect(await refusalOf(work)).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'control database: connection lost',
    });
    expect(made).toBe(1);
    expect(await valuesOf(2)).toEqual([1]);
  });
});
