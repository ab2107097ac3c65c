import { Secret } from '../../../src/config/secret.ts';
import { NO_ENTITIES } from '../../../src/database/schema.ts';
import type { Database } from '../../../src/database/database.ts';
import { openMysqlDatabase } from '../../../src/database/mysql/mysql-data-source.ts';
import { PREPARED_STATEMENTS } from '../../../src/database/mysql/pool/prepared-statements.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';

const CONNECTIONS = 2;

let server: RunningMariaDb;
beforeAll(async () => {
  server = await startMariaDb();
  await server.sql('CREATE DATABASE asked');
});
afterAll(() => server?.close());

function open(answerLimit: number): Promise<Database> {
  return openMysqlDatabase({
    name: answerLimit === Infinity ? 'control database' : 'tenant database',
    host: server.host,
    port: server.port,
    database: 'asked',
    username: 'root',
    password: new Secret(server.rootPassword),
    poolSize: CONNECTIONS,
    timeoutMs: 10_000,
    dangerouslyAllowPlaintext: false,
    answerLimit,
    schema: NO_ENTITIES,
  });
}

/** On the server, of all connections. The test's own statements are sent as text. */
async function preparedNow(): Promise<number> {
  const [row] = await server.sql("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'");
  return Number(row?.['Value']);
}

async function preparedInAll(): Promise<number> {
  const [row] = await server.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'");
  return Number(row?.['Value']);
}

describe.each([
  ['the control database', Infinity, PREPARED_STATEMENTS.control],
  ["a tenant's database", 1024 * 1024, PREPARED_STATEMENTS.tenant],
] as const)('a connection to %s', (_name, answerLimit, limit) => {
  const most = limit * CONNECTIONS;
  let database: Database;
  beforeAll(async () => {
    database = await open(answerLimit);
  });
  afterAll(() => database?.close());

  /** Two at a time, so that both connections are in use. */
  async function askDistinct(from: number, count: number): Promise<void> {
    for (let turn = from; turn < from + count; turn += 1)
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          const [row] = await database.query(`SELECT ? + ${turn} AS sum`, [1]);
          expect(row?.['sum']).toBe(turn + 1);
        }),
      );
  }

  it(`keeps at most ${limit} prepared statements on the server, however many it runs`, async () => {
    const before = await preparedInAll();
    let highest = 0;
    for (let asked = 0; asked < limit * 3; asked += 8) {
      await askDistinct(asked, 8);
      highest = Math.max(highest, await preparedNow());
    }
    // Otherwise nothing would have had to make room.
    expect((await preparedInAll()) - before).toBeGreaterThan(most * 2);
    expect(highest).toBeGreaterThan(limit);
    // A statement is closed behind the one that replaces it, on each connection.
    expect(highest).toBeLessThanOrEqual(most + CONNECTIONS);
    await eventually('the replaced ones are closed', async () => (await preparedNow()) <= most, 5_000);
  });

  it('uses a kept statement again', async () => {
    await askDistinct(0, 4);
    const before = await preparedInAll();
    await askDistinct(0, 4);
    expect((await preparedInAll()) - before).toBe(0);
    expect(await preparedNow()).toBeLessThanOrEqual(most);
  });
});
