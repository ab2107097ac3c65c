import { eventually } from '../../../libs/token/test/eventually.ts';
import { TestCluster, type Replica, type TenantName, TENANTS } from '../../support/tessera/test-cluster.ts';
import type { RaftOpenBao } from '../../support/servers/openbao.ts';

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

async function served(replica: Replica, tenants: readonly TenantName[] = TENANTS): Promise<number[]> {
  return Promise.all(tenants.map(async (tenant) => (await replica.mint(tenant)).status));
}

async function becomesReady(replica: Replica): Promise<void> {
  const all = async () => (await served(replica)).every((status) => status === 200);
  await eventually('all tenants are served', all, RECOVERY_MS);
  await eventually('it is ready', async () => (await replica.get('/readyz')).status === 200, RECOVERY_MS);
}

const EVENTS: Readonly<Record<string, string>> = { 'control database': 'control_database', vault: 'vault' };

/** Logged once with the reason during the outage, and once when it was over. */
async function assertSaidOnce(replica: Replica, dependency: string): Promise<void> {
  const said = (event: string) =>
    replica
      .output()
      .split('\n')
      .filter((line) => line.includes(`"event":"${dependency}_${event}"`));
  await eventually(`the log says that ${dependency} is back`, () => said('available').length > 0, RECOVERY_MS);
  expect(said('available')).toHaveLength(1);
  const reasons = said('unavailable').map((line) => (JSON.parse(line) as { reason?: string }).reason ?? '');
  expect(reasons.every((reason) => reason !== '')).toBe(true);
  // A further reason may follow while it starts, for example that it is still sealed.
  expect(new Set(reasons).size).toBe(reasons.length);
  expect(reasons.length).toBeGreaterThan(0);
}

interface Absence {
  readonly name: string;
  readonly down: readonly string[];
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

const absences: Absence[] = [
  {
    name: 'the control database is stopped',
    down: ['control database'],
    begin: () => cluster.control.stop(),
    end: () => cluster.control.restart(),
  },
  {
    name: 'the control database is behind a black hole',
    down: ['control database'],
    begin: () => {
      cluster.proxies.control.setMode('black-hole');
    },
    end: () => {
      cluster.proxies.control.setMode('pass');
    },
  },
  {
    name: 'Vault is stopped',
    down: ['vault'],
    begin: () => cluster.vault.stop(),
    end: async () => {
      await cluster.vault.start();
      await cluster.vault.unseal();
    },
  },
  {
    name: 'Vault is sealed',
    down: ['vault'],
    begin: () => cluster.vault.seal(),
    end: () => cluster.vault.unseal(),
  },
  {
    name: 'Vault is behind a black hole',
    down: ['vault'],
    begin: () => {
      cluster.proxies.vault.setMode('black-hole');
    },
    end: () => {
      cluster.proxies.vault.setMode('pass');
    },
  },
  {
    name: 'nothing at all is there',
    down: ['control database', 'vault'],
    begin: async () => {
      await cluster.redis.stop();
      await cluster.vault.stop('SIGKILL');
      await Promise.all([cluster.control, cluster.acmeServer, cluster.othersServer].map((one) => one.stop()));
    },
    end: async () => {
      await Promise.all([cluster.control, cluster.acmeServer, cluster.othersServer].map((one) => one.restart()));
      await cluster.vault.start();
      await cluster.vault.unseal();
      await cluster.redis.restart();
    },
  },
];

describe('a server that starts while', () => {
  it.each(absences)('$name answers 503, logs it, and serves when it is available', async (absence) => {
    await absence.begin();
    let replica: Replica;
    try {
      replica = await cluster.startReplica();
      for (const path of ['/tenants/acme/jwks.json', '/tenants/acme/.well-known/openid-configuration']) {
        const answer = await replica.get(path);
        expect([answer.refusal().status, answer.ms < 3000]).toEqual([503, true]);
      }
      for (const tenant of TENANTS) {
        const answer = await replica.mint(tenant);
        expect(answer.refusal()).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
        expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
        expect(answer.ms).toBeLessThan(3000);
      }
      expect((await replica.get('/healthz')).status).toBe(200);
      expect((await replica.get('/readyz')).body).toMatchObject({
        status: 503,
        down: expect.arrayContaining([...absence.down]),
      });
    } finally {
      await absence.end();
    }
    await becomesReady(replica);
    for (const dependency of absence.down) await assertSaidOnce(replica, EVENTS[dependency]!);
  });

  it('Redis is down serves anyway, with one warning', async () => {
    await cluster.redis.stop();
    let replica: Replica;
    try {
      replica = await cluster.startReplica();
      expect(await served(replica)).toEqual([200, 200, 200]);
      expect(replica.output().match(/redis_unavailable/g)).toHaveLength(1);
    } finally {
      await cluster.redis.restart();
    }
    await assertSaidOnce(replica, 'redis');
  });
});

describe('a broken tenant does not prevent the others from', () => {
  const others = ['globex', 'initech'] as const;

  it.each([
    ['whose database is stopped', () => cluster.acmeServer.stop(), () => cluster.acmeServer.restart()],
    [
      'whose database is gone',
      () => cluster.acmeServer.sql('ALTER TABLE t_acme.tessera_owner RENAME TO t_acme.hidden'),
      () => cluster.acmeServer.sql('ALTER TABLE t_acme.hidden RENAME TO t_acme.tessera_owner'),
    ],
    [
      'whose database names another tenant',
      () => cluster.acmeServer.sql("UPDATE t_acme.tessera_owner SET tenant_id = 'globex'"),
      () => cluster.acmeServer.sql("UPDATE t_acme.tessera_owner SET tenant_id = 'acme'"),
    ],
    [
      'whose credentials are not in Vault',
      () => cluster.vault.api('POST', 'kv/data/database/acme', { data: { username: 'acme' } }),
      () => cluster.placeCredentials('acme'),
    ],
    ['whose key ring is malformed', () => breakKeyRing('acme'), () => mendKeyRing('acme')],
  ])('a start and from being served: one %s', async (_, begin, end) => {
    await begin();
    let replica: Replica;
    try {
      replica = await cluster.startReplica();
      expect(await served(replica, others)).toEqual([200, 200]);
      expect((await replica.mint('acme')).refusal()).toMatchObject({ status: 503 });
      expect((await replica.get('/readyz')).status).toBe(200);
    } finally {
      await end();
    }
    await becomesReady(replica);
  });

  let ring: unknown;
  async function breakKeyRing(tenant: TenantName): Promise<void> {
    ring = (await cluster.vault.api('GET', `kv/data/keys/${tenant}`)).body.data.data;
    const canary = cluster.canaries.once('what stands in a malformed ring', (text) => text);
    await cluster.vault.api('POST', `kv/data/keys/${tenant}`, {
      data: { keys: [{ kid: canary, private_jwk: canary }] },
    });
  }
  async function mendKeyRing(tenant: TenantName): Promise<void> {
    await cluster.vault.api('POST', `kv/data/keys/${tenant}`, { data: ring });
  }
});

describe('a control database on an old schema', () => {
  const age = () =>
    cluster.control.sql(
      'CREATE TABLE control.noted SELECT * FROM control.tessera_migrations',
      'DELETE FROM control.tessera_migrations',
    );
  const renew = () => cluster.control.sql('DROP TABLE control.noted');

  it('stops the start with the command to run, after which it starts', async () => {
    await age();
    const { code, output } = await cluster.runServer();
    expect(code).toBe(1);
    expect(output).toMatch(/schema is not current.*Run: tessera migrate/);
    expect(output).not.toContain('"event":"listening"');
    await cluster.cli(['migrate']);
    await becomesReady(await cluster.startReplica());
    await renew();
  });

  it('that becomes available only after the start is not ready, and the log says what to run', async () => {
    cluster.proxies.control.setMode('black-hole');
    const replica = await cluster.startReplica();
    await age();
    cluster.proxies.control.setMode('pass');
    const isSaid = () =>
      /schema_not_current.*tessera migrate|tessera migrate.*schema_not_current/.test(replica.output());
    await eventually('the log says what to run', isSaid, RECOVERY_MS);
    expect((await replica.get('/readyz')).body).toMatchObject({ status: 503, down: ['control database'] });
    await cluster.cli(['migrate']);
    await becomesReady(replica);
    await renew();
  });
});

it('refuses to start with a wrong setting, by its name and without its value', async () => {
  const canary = cluster.canaries.plant('a wrong setting');
  const { code, output } = await cluster.runServer({
    DATABASE_URL: `postgres://x:${canary}@127.0.0.1/control`,
    VAULT_ADDR: `ftp://${canary}`,
    REDIS_URL: `http://${canary}`,
    TESSERA_TOKEN: canary,
    LOG_LEVEL: canary,
  });
  expect(code).toBe(1);
  for (const name of ['DATABASE_URL', 'VAULT_ADDR', 'REDIS_URL', 'TESSERA_TOKEN', 'LOG_LEVEL'])
    expect(output).toContain(name);
  cluster.canaries.search('what a start says', output);
  expect(cluster.leaks()).toEqual([]);
});
