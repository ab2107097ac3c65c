import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { logSequence } from '../../../src/testing/sqlite-log.ts';
import { readLoopDelay, sampledEnvironment } from '../../support/loop-delay/loop-delay.ts';
import { startMints } from '../../support/loop-delay/mints.ts';
import { runProgram } from '../../support/tessera/run-program.ts';
import { startServer } from '../../support/tessera/server-process.ts';
import { ACME, GLOBEX, tenantsFile } from '../cli/files.ts';
import { TestInstallation } from '../cli/installation.ts';

/** On a machine that makes an ES256 signature in so many microseconds; on a slower one accordingly more. */
const MAX_WORK = { ms: 5, signatureMicros: 25 };
/** A checkpoint moves 2 to 5 MB, and waits for the disk. A chunk of the program that is loaded late has 1 MB. */
const MAX_BYTES = 1_500_000;
/** The removal of rows writes pages of all their indices, up to 2.5 MB in a turn, and does not wait for the disk. Its time is limited. */
const REMOVAL = 'expired rows';
const ROUNDS = 2;
/** In each round as many of each kind, in the same second. */
const EXPIRED_ROWS = 6_000;
const NEW_REVOCATIONS = 3_000;
const { privateKey: KEY } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const DATA = Buffer.alloc(600);
const DAY_SECONDS = 86_400;
const PERIOD_MS = 3_000;

let installation: TestInstallation;
let database: Database.Database;
beforeAll(async () => {
  installation = await TestInstallation.make({ TESSERA_DATA_DIR: 'data', TESSERA_AUDIT_RETENTION_DAYS: '7' });
});
afterAll(async () => {
  database.close();
  await installation.remove();
});

it('no turn of the event loop has over 5 ms of work or moves megabytes while tokens are issued and everything else goes on', async () => {
  const { secrets } = await installation.applied(tenantsFile(ACME));
  const secretId = secrets.find(({ client_id }) => client_id === 'web')!.secret_id;
  const control = join(installation.dataDirectory, 'control.sqlite');
  database = new Database(control);
  const samples = join(installation.folder, 'loop-delay.json');
  const server = await startServer(
    { ...installation.env, ...sampledEnvironment(samples, PERIOD_MS) },
    installation.folder,
  );
  const load = startMints(server.url, {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: 'ada@acme.example',
    secret_id: secretId,
  });
  let slowest = 0;
  const phases: { readonly name: string; readonly at: number }[] = [];
  const during = async (name: string, work: () => unknown): Promise<void> => {
    phases.push({ name, at: Date.now() });
    await work();
    await delay(200);
    slowest = Math.max(slowest, signatureMicros());
  };
  const command = (...args: readonly string[]) => runProgram('cli', args, installation);
  const get = async (path: string) => (await fetch(server.url + path)).text();
  try {
    // Until then, functions are compiled.
    await eventually('the server is warm', () => load.issued() > 8_000);
    for (let round = 0; round < ROUNDS; round += 1) {
      await during('apply', async () => {
        const file = await installation.write(
          'tenants.yaml',
          tenantsFile(ACME, GLOBEX.replace('globex', `g-${round}`)),
        );
        await command('apply', '-f', file);
      });
      if (round === 0) await during('keys rotate', () => command('keys', 'rotate', 'acme'));
      await during('revoke', () => command('revoke', '--jti', `acme/${randomUUID()}`));
      await during('new revocations', addRevocations);
      await during('/metrics', () => get('/metrics'));
      await during('/readyz', () => get('/readyz'));
      await during('/revocations', () => get('/revocations'));
      await during(REMOVAL, async () => {
        addExpiredRows();
        await eventually('they are removed', () => expiredRows() === 0);
      });
    }
    await during('a checkpoint', async () => {
      const before = logSequence(control);
      await eventually('one is made', () => logSequence(control) > before);
    });
    phases.push({ name: 'end', at: Date.now() });
  } finally {
    await load.stop();
    await server.end();
  }
  const { turns, samples: count } = readLoopDelay(samples);
  expect(count).toBeGreaterThan(1_000);
  const maxWorkMs = MAX_WORK.ms * Math.max(1, slowest / MAX_WORK.signatureMicros);
  const long = turns
    .map((turn) => ({ ...turn, phase: phases.findLast(({ at }) => at <= turn.at) }))
    .filter(({ phase }) => phase !== undefined && phase.name !== 'end')
    .filter(({ phase, workMs, bytes }) => workMs > maxWorkMs || (bytes > MAX_BYTES && phase?.name !== REMOVAL));
  // What the program does comes in each round. A turn that was long once may have been the machine's.
  const isRepeated = (name: string): boolean =>
    phases.filter((phase) => phase.name === name).every((phase) => long.some((turn) => turn.phase === phase));
  expect(long.filter(({ phase }) => phase !== undefined && isRepeated(phase.name))).toEqual([]);
});

/** How long a signature takes now, beside everything else that this machine does: processor time, microseconds. */
function signatureMicros(): number {
  const count = 200;
  const before = process.cpuUsage();
  for (let n = 0; n < count; n += 1) sign('sha256', DATA, KEY);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** What another process revokes. */
function addRevocations(): void {
  const add = database.prepare(
    `INSERT INTO revocations (seq, tenant_id, kind, revoked_id, until_seconds) VALUES (?, 'acme', 'jti', ?, ?)`,
  );
  const until = Math.floor(Date.now() / 1000) + DAY_SECONDS;
  database
    .transaction(() => {
      database.prepare('UPDATE revocation_sequence SET value = value + ?').run(NEW_REVOCATIONS);
      const { value } = database.prepare('SELECT value FROM revocation_sequence').get() as { value: number };
      for (let n = 0; n < NEW_REVOCATIONS; n += 1) add.run(value - n, randomUUID(), until);
    })
    .immediate();
}

/** Rows of each kind that a server removes. */
function addExpiredRows(): void {
  const expired = Math.floor(Date.now() / 1000) - 30 * DAY_SECONDS;
  const audit = database.prepare(
    `INSERT INTO audit_records (at_ms, request_id, route, source, outcome, tenant_id, project_id, client_id, subject_id, token_id, key_id, secret_id)
     VALUES (?, ?, 'POST /auth/user/generateToken', '127.0.0.1', 'issued', 'acme', 'shop', 'web', 'u-ada', ?, 'k', 's')`,
  );
  const spent = database.prepare(`INSERT INTO spent_tokens VALUES ('acme', 'https://idp.example.com', ?, ?)`);
  const revocation = database.prepare(
    `INSERT INTO revocations (seq, tenant_id, kind, revoked_id, until_seconds) VALUES (?, 'acme', 'jti', ?, ?)`,
  );
  database
    .transaction(() => {
      for (let n = 1; n <= EXPIRED_ROWS; n += 1) {
        audit.run(expired * 1000 + n, randomUUID(), randomUUID());
        spent.run(randomUUID(), expired);
        // Below all numbers of the feed: nobody reads them.
        revocation.run(-n, randomUUID(), expired);
      }
    })
    .immediate();
}

function expiredRows(): number {
  const before = Math.floor(Date.now() / 1000) - 29 * DAY_SECONDS;
  const count = (sql: string, value: number) => (database.prepare(sql).get(value) as { rows: number }).rows;
  return (
    count('SELECT count(*) AS rows FROM audit_records WHERE at_ms < ? AND unindexed IS NULL', before * 1000) +
    count('SELECT count(*) AS rows FROM spent_tokens WHERE until_seconds < ?', before) +
    count('SELECT count(*) AS rows FROM revocations WHERE until_seconds < ?', before)
  );
}
