import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import type { AuditRecord } from '../../../src/audit/audit-record.ts';
import { AuditTrail } from '../../../src/audit/audit-trail.ts';
import { DIRECTORY_SCHEMA } from '../../../src/directory/provisioning/directory.schema.ts';
import { UserDirectory } from '../../../src/directory/user.directory.ts';
import { TesseraError } from '../../../src/errors/tessera-error.ts';
import { ChangePoller } from '../../../src/tenancy/change-poller.ts';
import { ControlPlaneAuditStore } from '../../../src/audit/control-plane-audit.store.ts';
import { SecretUseEntity } from '../../../src/control-plane/entities/secret-use.entity.ts';
import { createControlPlane, startControlPlane } from '../../../src/control-plane/control-plane.ts';
import { ControlPlaneWriter } from '../../../src/provisioning/apply/control-plane.writer.ts';
import { TenantConnections } from '../../../src/tenancy/tenant-connections.ts';
import { TenantDatabaseOpener } from '../../../src/tenancy/tenant-database.ts';
import { TenantRepository } from '../../../src/tenancy/tenant.repository.ts';
import type { Tenant } from '../../../src/tenancy/tenant.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { parseEmail } from '../../../src/domain/email.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { mysqlConfig, placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import {
  collectingLog,
  ManualClock,
  storageConfig,
  temporaryFolder,
  tenantDraft,
  tenantId,
} from '../../../src/testing/storage.ts';
import { type TcpProxy, startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { openTenantDatabase, provisionDirectory, tenantOn } from '../../support/fixtures/tenant-directories.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

const ADA = parseEmail('ada@acme.example')!.canonical;
/** The promise: a response within 3 s, recovery within 5 s. */
const ANSWER_MS = 3000;
const RECOVERY_MS = 5000;

const folder = temporaryFolder();
const vault = new EmbeddedVault(folder.path);
const clock = new SystemClock();
let sound: RunningMariaDb;
let failing: RunningMariaDb;
let proxy: TcpProxy;
let connections: TenantConnections;
let users: UserDirectory;
let healthy: Tenant;
let broken: Tenant;

beforeAll(async () => {
  [sound, failing] = await Promise.all([startMariaDb(), startMariaDb()]);
  proxy = await startTcpProxy(failing.port);
  await provisionDirectory(sound, vault, 'healthy');
  await provisionDirectory(failing, vault, 'broken');
  healthy = tenantOn(sound, sound.port, 'healthy');
  broken = tenantOn(failing, proxy.port, 'broken');
});
afterAll(async () => {
  await proxy.close();
  await Promise.all([sound.close(), failing.close()]);
  await vault.close();
  folder.remove();
});
beforeEach(() => {
  const config = storageConfig(folder.path);
  const opener = new TenantDatabaseOpener(config, vault, clock);
  connections = new TenantConnections(opener, clock, config);
  users = new UserDirectory(connections);
});
afterEach(async () => {
  proxy.setMode('pass');
  proxy.cut();
  await connections.close();
});

const ask = (tenant: Tenant) => users.findByEmail(tenant, ADA);

/** Resolves to the time until the refusal. Fails if there was none, or one other than "unavailable". */
async function unavailableAfterMs(work: () => Promise<unknown>): Promise<{ ms: number; reason: string }> {
  const stopwatch = startStopwatch();
  const refusal = await refusalOf(work());
  expect(refusal.code).toBe('temporarily_unavailable');
  expect(refusal.retryAfterSeconds).toBeGreaterThan(0);
  return { ms: stopwatch.stop(), reason: refusal.reason };
}

async function recoversWithin(ms: number, work: () => Promise<unknown>): Promise<void> {
  const stopwatch = startStopwatch();
  for (;;) {
    try {
      await work();
      stopwatch.stop();
      return;
    } catch (error) {
      if (!(error instanceof TesseraError) || stopwatch.elapsedMs() > ms) throw error;
      await delay(50);
    }
  }
}

describe("a tenant's server that is down", () => {
  it('gives its tenant a quick 503, does not affect the other tenant, and is used again when it is back', async () => {
    expect((await ask(broken))?.id).toBe('u-ada');
    await failing.stop();
    try {
      await delay(50);
      for (let attempt = 0; attempt < 5; attempt += 1)
        expect((await unavailableAfterMs(() => ask(broken))).ms).toBeLessThan(500);
      const stopwatch = startStopwatch();
      for (let attempt = 0; attempt < 100; attempt += 1) expect((await ask(healthy))?.id).toBe('u-ada');
      expect(stopwatch.stop()).toBeLessThan(ANSWER_MS);
    } finally {
      await failing.restart();
    }
    await recoversWithin(RECOVERY_MS, () => ask(broken));
  });

  it('is tried once a second, not once a request', async () => {
    await failing.stop();
    try {
      await Promise.allSettled(Array.from({ length: 200 }, () => ask(broken)));
      expect(connections.stats.openings).toBe(1);
    } finally {
      await failing.restart();
    }
  });

  it('killed under load gives grants or 503 and nothing else, and nothing hangs', async () => {
    await ask(broken);
    const outcomes: string[] = [];
    let slowestMs = 0;
    let isOver = false;
    const load = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const stopwatch = startStopwatch();
        await ask(broken).then(
          (subject) => outcomes.push(subject?.id ?? 'nobody'),
          (error: unknown) => outcomes.push(error instanceof TesseraError ? error.code : String(error)),
        );
        slowestMs = Math.max(slowestMs, stopwatch.stop());
        await delay(1);
      }
    });
    await eventually('there are grants', () => outcomes.length > 50);
    await failing.stop('SIGKILL');
    await eventually('there are refusals', () => outcomes.includes('temporarily_unavailable'));
    await failing.restart();
    await recoversWithin(RECOVERY_MS, () => ask(broken));
    await eventually('all have grants again', () => outcomes.slice(-100).every((outcome) => outcome === 'u-ada'));
    isOver = true;
    await Promise.all(load);
    expect(new Set(outcomes)).toEqual(new Set(['u-ada', 'temporarily_unavailable']));
    expect(slowestMs).toBeLessThan(ANSWER_MS);
  });
});

describe("a tenant's server that does not answer", () => {
  it('is a 503 in time when it stops responding with open connections, and the other tenant is not affected', async () => {
    await Promise.all(Array.from({ length: 8 }, () => ask(broken)));
    proxy.setMode('black-hole');
    const waiting = Promise.all(Array.from({ length: 20 }, () => unavailableAfterMs(() => ask(broken))));
    const stopwatch = startStopwatch();
    for (let attempt = 0; attempt < 100; attempt += 1) expect((await ask(healthy))?.id).toBe('u-ada');
    expect(stopwatch.stop()).toBeLessThan(1000);
    for (const { ms } of await waiting) expect(ms).toBeLessThan(ANSWER_MS);
    proxy.setMode('pass');
    await recoversWithin(RECOVERY_MS, () => ask(broken));
    await eventually('no lease is left', () => connections.stats.leases === 0);
  });

  it('is a 503 in time when it never responds', async () => {
    proxy.setMode('black-hole');
    const refusals = await Promise.all(Array.from({ length: 20 }, () => unavailableAfterMs(() => ask(broken))));
    for (const { ms } of refusals) expect(ms).toBeLessThan(ANSWER_MS);
    proxy.setMode('pass');
    await recoversWithin(RECOVERY_MS, () => ask(broken));
  });

  it('is a 503 in time when the process is suspended', async () => {
    await ask(broken);
    await failing.pause();
    try {
      expect((await unavailableAfterMs(() => ask(broken))).ms).toBeLessThan(ANSWER_MS);
    } finally {
      failing.resume();
    }
    await recoversWithin(RECOVERY_MS, () => ask(broken));
  });

  it('is served when it is only slow', async () => {
    proxy.setMode({ delayMs: 20 });
    expect((await ask(broken))?.id).toBe('u-ada');
  });

  it('loses its connection when a query takes too long, so that no request gets the late response', async () => {
    const slow = connections.use(broken, (database) => database.query('SELECT SLEEP(4) AS late'));
    expect((await unavailableAfterMs(() => slow)).reason).toBe('tenant database: no answer in time');
    expect(await connections.use(broken, (database) => database.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });
});

describe('credentials', () => {
  afterEach(async () => {
    await failing.sql("ALTER USER 'd_broken'@'%' IDENTIFIED BY 'd_broken-password'");
    await placeCredentials(vault, 'broken', { username: 'd_broken', password: 'd_broken-password' });
  });

  it('that are wrong are a 503, until Vault has the right ones', async () => {
    await placeCredentials(vault, 'broken', { username: 'd_broken', password: 'wrong' });
    expect((await unavailableAfterMs(() => ask(broken))).reason).toBe('tenant database: access denied');
    await placeCredentials(vault, 'broken', { username: 'd_broken', password: 'd_broken-password' });
    await recoversWithin(RECOVERY_MS, () => ask(broken));
  });

  it('that were rotated are read again, without one failed request', async () => {
    await ask(broken);
    await failing.sql("ALTER USER 'd_broken'@'%' IDENTIFIED BY 'new-password'");
    await placeCredentials(vault, 'broken', { username: 'd_broken', password: 'new-password' });
    // Open connections survive a changed password; a new one does not.
    proxy.cut();
    await delay(50);
    expect((await ask(broken))?.id).toBe('u-ada');
  });

  it('of a user that another one replaces are read again when it has lost its rights, without one failed request', async () => {
    const config = storageConfig(folder.path);
    const manual = new ManualClock();
    const opener = new TenantDatabaseOpener(config, vault, manual);
    const busy = new TenantConnections(opener, manual, config);
    const directory = new UserDirectory(busy);
    const askBusy = () => directory.findByEmail(broken, ADA);
    try {
      expect((await askBusy())?.id).toBe('u-ada');
      await failing.sql("CREATE USER 'd_second'@'%' IDENTIFIED BY 'second-password'");
      await failing.sql("GRANT SELECT ON d_broken.* TO 'd_second'@'%'");
      await placeCredentials(vault, 'broken', { username: 'd_second', password: 'second-password' });
      manual.advance(29_000);
      expect((await askBusy())?.id).toBe('u-ada');
      await failing.sql("REVOKE ALL PRIVILEGES ON d_broken.* FROM 'd_broken'@'%'");
      // Open connections keep the rights on their database.
      proxy.cut();
      await delay(50);
      expect((await unavailableAfterMs(askBusy)).reason).toBe('tenant database: no access to the database');
      expect(busy.stats.openings).toBe(1);
      manual.advance(1_000);
      expect((await askBusy())?.id).toBe('u-ada');
      expect(busy.stats.openings).toBe(2);
    } finally {
      await busy.close();
      await failing.sql("GRANT ALL PRIVILEGES ON d_broken.* TO 'd_broken'@'%'");
      await failing.sql("DROP USER IF EXISTS 'd_second'@'%'");
    }
  });

  it('that are missing in Vault are a 503', async () => {
    expect((await unavailableAfterMs(() => ask(tenantOn(failing, proxy.port, 'unknown')))).reason).toBe(
      'vault: the credentials of a tenant database are missing',
    );
  });

  it('that expire during a migration are a 503 too, without the driver’s error', async () => {
    const database = await openTenantDatabase(failing.port, 'broken', { schema: DIRECTORY_SCHEMA });
    try {
      await failing.sql("ALTER USER 'd_broken'@'%' IDENTIFIED BY 'other'", "KILL USER 'd_broken'");
      await delay(200);
      expect((await refusalOf(database.runMigrations())).reason).toBe('tenant database: access denied');
    } finally {
      await database.close();
    }
  });

  it('are never in the refusal', async () => {
    await placeCredentials(vault, 'broken', { username: 'd_broken', password: 'MARKED-PASSWORD' });
    const refusal = await refusalOf(ask(broken));
    expect(`${JSON.stringify(refusal)} ${refusal.stack}`).not.toMatch(/MARKED|d_broken/);
  });
});

it('an answer that came while this process was busy is read', async () => {
  const database = await openTenantDatabase(sound.port, 'healthy', { timeoutMs: 1_000, schema: DIRECTORY_SCHEMA });
  try {
    // Opens the connection and prepares the statement.
    await database.query('SELECT 1 AS one');
    const answer = database.query('SELECT 1 AS one');
    await nextTurn();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    expect(await answer).toEqual([{ one: 1 }]);
  } finally {
    await database.close();
  }
});

it('a server without free connections is a 503, and recovers when there are some', async () => {
  // Opened before the limit is lowered. Otherwise connections that are just being closed would leave no room for one more.
  const held = await Promise.all(Array.from({ length: 10 }, () => holdConnection(failing)));
  await failing.sql('SET GLOBAL max_connections = 10');
  try {
    expect((await unavailableAfterMs(() => ask(broken))).reason).toBe('tenant database: out of connections');
    expect((await ask(healthy))?.id).toBe('u-ada');
  } finally {
    for (const connection of held) connection.destroy();
    await delay(100);
    await failing.sql('SET GLOBAL max_connections = 150');
  }
  await recoversWithin(RECOVERY_MS, () => ask(broken));
});

it('a busy tenant delays only itself', async () => {
  let end = (): void => undefined;
  const isOver = new Promise<void>((resolve) => {
    end = resolve;
  });
  let atWork = 0;
  const outcomes: unknown[] = [];
  const work = () => {
    atWork += 1;
    return isOver;
  };
  const noisy = Array.from({ length: 12 }, () =>
    connections.use(broken, work).then(
      () => outcomes.push('done'),
      (error: unknown) => outcomes.push(error),
    ),
  );
  await eventually('all its connections are in use', () => atWork === 4);
  expect((await ask(healthy))?.id).toBe('u-ada');
  await eventually('all others are refused', () => outcomes.length === 8);
  end();
  await Promise.all(noisy);
  expect(atWork).toBe(4);
  const refused = outcomes.filter((outcome) => outcome instanceof TesseraError);
  expect(refused.map(({ reason }) => reason)).toEqual(Array(8).fill('tenant database: out of connections'));
});

describe('the control database', () => {
  it('may be down when a server starts: 503, then recovery', async () => {
    await failing.sql('CREATE DATABASE IF NOT EXISTS control_late');
    const config = mysqlConfig(failing, 'control_late', folder.path);
    const { log, lines } = collectingLog();
    const provisioning = createControlPlane(config, log);
    await provisioning.migrate();
    await new ControlPlaneWriter(provisioning).saveTenant(tenantDraft('acme'));
    await provisioning.close();
    await failing.stop();
    const controlPlane = await startControlPlane(config, log);
    const tenants = new TenantRepository(controlPlane, clock, config);
    try {
      expect((await unavailableAfterMs(async () => tenants.open(tenantId('acme')))).ms).toBeLessThan(ANSWER_MS);
      await unavailableAfterMs(() => controlPlane.check());
      await failing.restart();
      await recoversWithin(RECOVERY_MS, async () => tenants.open(tenantId('acme')));
      await controlPlane.check();
      expect(lines.join('')).toContain('control_database_unavailable');
    } finally {
      await controlPlane.close();
    }
  });

  it('bounds the statements of repositories, and uses no connection again that did not answer', async () => {
    await failing.sql('CREATE DATABASE control_repository');
    const config = mysqlConfig({ ...failing, port: proxy.port }, 'control_repository', folder.path);
    const controlPlane = createControlPlane(config, collectingLog().log);
    await controlPlane.migrate();
    const uses = await controlPlane.repository(SecretUseEntity);
    const use = { tenantId: 'acme', projectId: 'shop', clientId: 'web', secretId: 's', lastUsedAtMs: 1 };
    await uses.upsert(use, ['tenantId', 'projectId', 'clientId', 'secretId']);
    try {
      await failing.pause();
      const refusals = await Promise.all(Array.from({ length: 8 }, () => unavailableAfterMs(() => uses.find())));
      for (const { ms, reason } of refusals)
        expect([ms < ANSWER_MS, reason]).toEqual([true, 'control database: no answer in time']);
      failing.resume();
      await recoversWithin(RECOVERY_MS, () => uses.find());
      const numbers = Array.from({ length: 20 }, (_, number) => number);
      const answers = await Promise.all(numbers.map((number) => uses.query('SELECT ? AS number', [number])));
      expect(answers).toEqual(numbers.map((number) => [{ number }]));
      expect(await uses.find()).toEqual([use]);
      const { reason } = await refusalOf(uses.query('SELECT no_such_column FROM secret_uses'));
      expect(reason).toBe('control database: schema is missing');
    } finally {
      failing.resume();
      await controlPlane.close();
    }
  });

  it.each([
    ['whose response to a record is lost', 'lose-answers' as const],
    ['that is suspended while it writes a record', 'pause' as const],
    ['whose audit is locked by another client', 'lock' as const],
  ])('%s keeps no record of an issued token that was refused', async (_, fault) => {
    const name = `audit_${fault.replace('-', '_')}`;
    await failing.sql(`CREATE DATABASE ${name}`);
    const config = mysqlConfig({ ...failing, port: proxy.port }, name, folder.path);
    const controlPlane = createControlPlane(config, collectingLog().log);
    await controlPlane.migrate();
    const trail = new AuditTrail(new ControlPlaneAuditStore(controlPlane));
    const record = (tokenId: string): AuditRecord => ({
      at: Date.now(),
      requestId: tokenId,
      route: 'r',
      source: 's',
      outcome: 'issued',
      tokenId,
    });
    await trail.append(record('before'));
    const lock =
      fault === 'lock' ? failing.sql('BEGIN', `LOCK TABLES ${name}.audit_records WRITE`, 'SELECT SLEEP(3)') : undefined;
    const isLocked = async () =>
      (await failing.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO = 'SELECT SLEEP(3)'")).length > 0;
    if (fault === 'lock') await eventually('the table is locked', isLocked);
    if (fault === 'lose-answers') proxy.setMode(fault);
    if (fault === 'pause') await failing.pause();
    const { ms } = await unavailableAfterMs(() => trail.append(record('refused')));
    expect(ms).toBeLessThan(ANSWER_MS);
    proxy.setMode('pass');
    if (fault === 'pause') failing.resume();
    await lock;
    // Longer than the second round of the correction.
    await delay(4_000);
    const issued = async () =>
      (await failing.sql(`SELECT token_id FROM ${name}.audit_records WHERE outcome = 'issued'`)).map(
        (row) => row['token_id'] as string,
      );
    await eventually('the record is corrected', async () => (await issued()).join() === 'before');
    await trail.drain();
    await controlPlane.close();
  });

  it('with an old schema stops the start, with the command to run', async () => {
    await failing.sql('CREATE DATABASE IF NOT EXISTS control_old');
    const config = mysqlConfig(failing, 'control_old', folder.path);
    await expect(startControlPlane(config, collectingLog().log)).rejects.toThrow(/Run: tessera migrate$/);
  });

  it('killed while it is written to loses nothing that was acknowledged, and the poller continues', async () => {
    await failing.sql('CREATE DATABASE IF NOT EXISTS control_killed');
    const config = mysqlConfig(failing, 'control_killed', folder.path);
    const { log, lines } = collectingLog();
    const controlPlane = createControlPlane(config, log);
    await controlPlane.migrate();
    const writer = new ControlPlaneWriter(controlPlane);
    const tenants = new TenantRepository(controlPlane, clock, config);
    const follower = new ChangePoller(controlPlane, tenants, log, config);
    try {
      await writer.saveTenant(tenantDraft('acme'));
      await follower.poll();
      expect((await tenants.open(tenantId('acme'))).status).toBe('active');
      const acknowledged: string[] = [];
      const writing = (async () => {
        for (let number = 0; ; number += 1) {
          await writer.saveTenant(tenantDraft(`w-${number}`));
          acknowledged.push(`w-${number}`);
        }
      })();
      await delay(300);
      await failing.stop('SIGKILL');
      expect((await refusalOf(writing)).code).toBe('temporarily_unavailable');
      await follower.poll();
      expect((await tenants.open(tenantId('acme'))).status).toBe('active');
      await failing.restart();
      await recoversWithin(RECOVERY_MS, () => controlPlane.check());
      const kept = (await writer.readTenants()).map(({ tenant }) => tenant.id as string);
      expect(kept).toEqual(expect.arrayContaining(acknowledged));
      await writer.saveTenant(tenantDraft('acme', { status: 'suspended' }));
      await follower.poll();
      expect((await tenants.open(tenantId('acme'))).status).toBe('suspended');
      expect(lines.join('')).toContain('change_follower_recovered');
    } finally {
      await controlPlane.close();
    }
  });
});

async function holdConnection(server: RunningMariaDb) {
  const { createConnection } = await import('mysql2/promise');
  return createConnection({
    host: server.host,
    port: server.port,
    user: 'd_broken',
    password: 'd_broken-password',
  });
}
