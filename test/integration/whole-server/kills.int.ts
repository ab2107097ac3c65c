import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import {
  type CliRun,
  TestCluster,
  type Replica,
  type TenantName,
  TENANTS,
} from '../../support/tessera/test-cluster.ts';
import { type Load, startLoad } from '../../support/requests/load.ts';
import type { RaftOpenBao } from '../../support/servers/openbao.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

const RECOVERY_MS = 5000;

let cluster: TestCluster<RaftOpenBao>;

beforeAll(async () => {
  cluster = await TestCluster.onRaftVault();
});
afterEach(async () => {
  try {
    expect(cluster.leaks()).toEqual([]);
  } finally {
    await cluster.rest();
  }
});
afterAll(() => cluster.close());

/** Every token that a caller received has an audit record. */
async function assertAudited(load: Load): Promise<void> {
  const acknowledged = load.outcomes.flatMap(({ tokenId }) => tokenId ?? []);
  expect(acknowledged.length).toBeGreaterThan(0);
  const audited = await cluster.auditedTokens();
  expect(acknowledged.filter((id) => !audited.has(id))).toEqual([]);
}

async function servesAll(replica: Replica): Promise<boolean> {
  const answers = await Promise.all(TENANTS.map((tenant) => replica.mint(tenant)));
  return answers.every(({ status }) => status === 200);
}

const someMs = (from: number, to: number) => from + Math.random() * (to - from);

/** Kills a command at a point of its work. Everything that it printed counts as acknowledged. */
async function killed(run: CliRun, afterMs: number): Promise<Awaited<CliRun['result']>> {
  await Promise.race([run.result, delay(afterMs)]);
  run.child.kill('SIGKILL');
  return run.result;
}

describe('kill -9 in mid-load', () => {
  it('of the server leaves a record of every token that it issued, and the next server works', async () => {
    for (let round = 0; round < 3; round += 1) {
      const replica = await cluster.startReplica();
      const load = startLoad(replica, TENANTS, 4);
      await eventually('tokens are made', () => load.tokens() > 50);
      await delay(someMs(0, 300));
      await replica.end('SIGKILL');
      await load.stop();
      expect(new Set(load.outcomes.map(({ status }) => status))).toEqual(new Set([200, 0]));
      await assertAudited(load);
    }
    expect(await servesAll(await cluster.startReplica())).toBe(true);
  });

  it('of every MariaDB at once loses no record and no change', async () => {
    const replica = await cluster.startReplica();
    const load = startLoad(replica, TENANTS, 4);
    const secrets = addSecretsWhile(load);
    try {
      await eventually('tokens are made', () => load.tokens() > 50);
      await delay(500);
      const servers = [cluster.control, cluster.acmeServer, cluster.othersServer];
      await Promise.all(servers.map((server) => server.stop('SIGKILL')));
      await delay(300);
      await Promise.all(servers.map((server) => server.restart()));
      await eventually('it serves again', () => servesAll(replica), RECOVERY_MS);
    } finally {
      await load.stop();
    }
    expect(new Set(load.outcomes.map(({ status }) => status))).toEqual(new Set([200, 503]));
    await assertAudited(load);
    await assertProve(replica, await secrets);
  });

  it('of OpenBao loses no record and no change', async () => {
    const replica = await cluster.startReplica();
    const load = startLoad(replica, TENANTS, 4);
    const secrets = addSecretsWhile(load);
    try {
      await eventually('tokens are made', () => load.tokens() > 50);
      await delay(someMs(300, 800));
      await cluster.vault.stop('SIGKILL');
      await cluster.vault.start();
      await cluster.vault.unseal();
      await eventually('it serves again', () => servesAll(replica), RECOVERY_MS);
    } finally {
      await load.stop();
    }
    expect(
      [...new Set(load.outcomes.map(({ status }) => status))].filter((status) => ![200, 503].includes(status)),
    ).toEqual([]);
    await assertAudited(load);
    await assertProve(replica, await secrets);
  });

  interface Added {
    readonly tenant: TenantName;
    readonly secret: string;
  }

  /** Changes by the command line during the outage. Resolves to the acknowledged ones. */
  async function addSecretsWhile(load: Load): Promise<Added[]> {
    const added: Added[] = [];
    await eventually('tokens are made', () => load.tokens() > 30);
    for (const tenant of TENANTS) {
      await makeRoom(tenant);
      const { code, stdout } = await cluster.startCli(['secrets', 'add', `${tenant}/shop/other`, '-o', 'json']).result;
      if (code !== 0) continue;
      const secret = (JSON.parse(stdout) as { secret_id: string }).secret_id;
      added.push({ tenant, secret });
    }
    return added;
  }

  async function assertProve(replica: Replica, added: readonly Added[]): Promise<void> {
    for (const { tenant, secret } of added) {
      const felt = async () => (await replica.mint(tenant, { client: 'other', secret })).status === 200;
      await eventually(`the new secret of ${tenant} proves its client`, felt, 3000);
    }
  }
});

interface ListedSecret {
  readonly id: string;
  readonly state: string;
}

async function secretsOf(tenant: TenantName): Promise<ListedSecret[]> {
  const text = await cluster.cli(['secrets', 'list', `${tenant}/shop/other`, '-o', 'json']);
  return (JSON.parse(text) as { secrets: ListedSecret[] }).secrets;
}

/** At most two secrets may be live, so this retires the newer one. An outage of a dependency leaves it as it is. */
async function makeRoom(tenant: TenantName): Promise<void> {
  const listed = await secretsOf(tenant).catch(() => []);
  if (listed.length > 1) await cluster.startCli(['secrets', 'retire', `${tenant}/shop/other`, listed[1]!.id]).result;
}

interface ListedKey {
  readonly kid: string;
  readonly state: string;
}

async function keysOf(tenant: TenantName): Promise<ListedKey[]> {
  return (JSON.parse(await cluster.cli(['keys', 'list', tenant, '-o', 'json'])) as { keys: ListedKey[] }).keys;
}

describe('kill -9 of a command, beside a server under load', () => {
  let replica: Replica;
  let load: Load;
  beforeEach(async () => {
    replica = await cluster.startReplica();
    load = startLoad(replica, TENANTS, 2, 30);
    await eventually('tokens are made', () => load.tokens() > 10);
  });
  // Neither a command nor its death causes a failed token request, and no token is signed by a key that was not published before.
  afterEach(async () => {
    await load.stop();
    expect(load.outcomes.filter(({ status }) => status !== 200).slice(0, 3)).toEqual([]);
    await assertAudited(load);
    for (const tenant of TENANTS) {
      const { keys } = (await replica.get(`/tenants/${tenant}/jwks.json`)).body as { keys: { kid: string }[] };
      const kids = new Set(keys.map(({ kid }) => kid));
      const signers = load.outcomes.flatMap((outcome) => (outcome.tenant === tenant ? (outcome.keyId ?? []) : []));
      expect(signers.filter((kid) => !kids.has(kid))).toEqual([]);
    }
  });

  it('apply: the next one completes it, and the one after changes nothing', async () => {
    const file = (round: number) =>
      cluster.tenantsFile({ clients: Array.from({ length: 3 }, (_, index) => `r${round}c${index}`) });
    for (let round = 1; round <= 4; round += 1)
      await killed(cluster.startCli(['apply', '-f', '-', '--prune', '-o', 'json'], file(round)), someMs(400, 2500));
    await cluster.apply(file(4), '--prune');
    expect(await cluster.apply(file(4), '--prune')).toMatchObject({ changes: [] });
    await cluster.apply(cluster.tenantsFile(), '--prune');
  });

  const active = (keys: readonly ListedKey[]) => keys.find(({ state }) => state === 'active');

  it('keys rotate: it has happened or not, and can be completed or undone', async () => {
    for (let round = 0; round < 3; round += 1) {
      const tenant = TENANTS[round % TENANTS.length]!;
      const before = await keysOf(tenant);
      const { stdout } = await killed(cluster.startCli(['keys', 'rotate', tenant, '-o', 'json']), someMs(300, 1500));
      const after = await keysOf(tenant);
      const next = after.filter(({ state }) => state === 'next');
      expect(active(after)?.kid).toBe(active(before)?.kid);
      expect(next.length).toBeLessThanOrEqual(1);
      // An acknowledged change has happened.
      if (stdout.trim().endsWith('}')) expect(next).toHaveLength(1);
      if (next.length === 0) await cluster.cli(['keys', 'rotate', tenant]);
      const [waiting] = (await keysOf(tenant)).filter(({ state }) => state === 'next');
      await cluster.cli(['keys', 'revoke', tenant, waiting!.kid]);
      // Undone: the signing key continues as before.
      expect(active(await keysOf(tenant))).toEqual(active(before));
    }
  });

  it('secrets add: it has happened or not, and the next one gives a secret that authenticates', async () => {
    for (let round = 0; round < 3; round += 1) {
      const tenant = TENANTS[round % TENANTS.length]!;
      await makeRoom(tenant);
      await killed(cluster.startCli(['secrets', 'add', `${tenant}/shop/other`, '-o', 'json']), someMs(300, 1500));
      const listed = await secretsOf(tenant);
      expect(listed.every(({ state }) => state === 'live')).toBe(true);
      expect([1, 2]).toContain(listed.length);
      expect((await replica.mint(tenant, { client: 'other' })).status).toBe(200);
      await makeRoom(tenant);
      const added = await cluster.cli(['secrets', 'add', `${tenant}/shop/other`, '-o', 'json']);
      const { secret_id: secret } = JSON.parse(added) as { secret_id: string };
      cluster.canaries.add(`a secret of ${tenant}`, secret);
      const felt = async () => (await replica.mint(tenant, { client: 'other', secret })).status === 200;
      await eventually('the new secret proves its client', felt, 3000);
      await makeRoom(tenant);
    }
  });

  it('migrate: the next one completes it', async () => {
    const databases = [
      [cluster.control, 'control'] as const,
      ...TENANTS.map((tenant) => [cluster.serverOf(tenant), `t_${tenant}`] as const),
    ];
    for (let round = 0; round < 2; round += 1) {
      // As after a migration that was killed before it was recorded: everything exists, and the next one must accept that.
      for (const [server, database] of databases) await server.sql(`DELETE FROM ${database}.tessera_migrations`);
      await killed(cluster.startCli(['migrate']), someMs(300, 1500));
      await cluster.cli(['migrate']);
      expect(JSON.parse(await cluster.cli(['migrate', '-o', 'json']))).toMatchObject({ migrated: [] });
    }
    expect(await cluster.apply(cluster.tenantsFile(), '--prune')).toMatchObject({ changes: [] });
  });
});

it('migrate of an empty installation, killed at any point, is completed by the next one', async () => {
  for (let round = 0; round < 3; round += 1) {
    const database = `control_${round}`;
    await cluster.control.createTenantDatabase(database, 'tessera', cluster.controlPassword);
    await cluster.control.sql(`GRANT ALL PRIVILEGES ON control.* TO 'tessera'@'%'`);
    const environment = { DATABASE_URL: replaceOnce(cluster.cliEnvironment()['DATABASE_URL']!, /control$/, database) };
    await killed(cluster.startCli(['migrate'], '', environment), someMs(350, 900));
    const { code, stderr } = await cluster.startCli(['migrate'], '', environment).result;
    expect(`${code} ${stderr}`).toBe('0 ');
    const exported = await cluster.startCli(['export'], '', environment).result;
    expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('tenants: []') });
  }
});

describe('SIGTERM', () => {
  it('under load ends with 0, with a response for every received request', async () => {
    const replica = await cluster.startReplica();
    const load = startLoad(replica, TENANTS, 4);
    await eventually('tokens are made', () => load.tokens() > 50);
    expect(await replica.end('SIGTERM')).toBe(0);
    await load.stop();
    const answered = load.outcomes.filter(({ status }) => status !== 0);
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([200]));
    const lines = replica.output().match(/"event":"request"/g) ?? [];
    expect(lines).toHaveLength(answered.length);
    expect(replica.output().trim().split('\n').at(-1)).toContain('"event":"stopped"');
    await assertAudited(load);
  });

  it('while no dependency answers also ends with 0', async () => {
    const replica = await cluster.startReplica();
    const load = startLoad(replica, TENANTS);
    await eventually('tokens are made', () => load.tokens() > 10);
    for (const proxy of Object.values(cluster.proxies)) proxy.setMode('black-hole');
    await delay(300);
    const stopwatch = startStopwatch();
    const code = await replica.end('SIGTERM');
    const ms = stopwatch.stop();
    await load.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(8000);
    console.info(`SIGTERM while nothing answers: ${Math.round(ms)} ms`);
    expect(
      [...new Set(load.outcomes.map(({ status }) => status))].filter((status) => ![0, 200, 503].includes(status)),
    ).toEqual([]);
  });
});
