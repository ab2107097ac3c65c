import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { TestCluster, type Replica, type TenantName, TENANTS } from '../../support/tessera/test-cluster.ts';

/** A change by `apply`, the command line or another replica is in force within this time. */
const FELT_MS = 2000;
const LIMIT = 20;

let cluster: TestCluster;
let replicas: readonly [Replica, Replica];

beforeAll(async () => {
  cluster = await TestCluster.onDevVault();
  // Callers have different source addresses, as behind a proxy, so that each test is a separate source.
  const changes = { TESSERA_TRUSTED_PROXIES: '127.0.0.1', TESSERA_FAILURES_PER_MINUTE: String(LIMIT) };
  replicas = await Promise.all([cluster.startReplica(changes), cluster.startReplica(changes)]);
});
afterAll(async () => {
  try {
    expect(cluster.leaks()).toEqual([]);
  } finally {
    await cluster.close();
  }
});

async function statuses(tenant: TenantName, request: Parameters<Replica['mint']>[1]): Promise<number[]> {
  return Promise.all(replicas.map(async (replica) => (await replica.mint(tenant, request)).status));
}

let strangers = 0;
/** An address that has not failed yet. */
function stranger(): string {
  strangers += 1;
  return `198.51.${Math.floor(strangers / 250)}.${1 + (strangers % 250)}`;
}

/** Tried repeatedly until it holds, each time from another source. */
async function everywhere(
  status: number,
  tenant: TenantName,
  request: Parameters<Replica['mint']>[1],
): Promise<boolean> {
  return (await statuses(tenant, { from: stranger(), ...request })).every((each) => each === status);
}

async function addSecret(client: string, ...options: readonly string[]): Promise<{ id: string; secret: string }> {
  const added = JSON.parse(await cluster.cli(['secrets', 'add', client, '-o', 'json', ...options])) as {
    id: string;
    secret_id: string;
  };
  cluster.canaries.add(`a secret of ${client}`, added.secret_id);
  return { id: added.id, secret: added.secret_id };
}

describe('client secrets on every replica', () => {
  it('two overlap, and the old one is refused once it is retired', async () => {
    const first = cluster.secret('acme');
    const { secret: second } = await addSecret('acme/shop/web');
    await eventually('the new one is good', () => everywhere(200, 'acme', { secret: second }), FELT_MS);
    expect(await statuses('acme', { secret: first })).toEqual([200, 200]);
    const listed = JSON.parse(await cluster.cli(['secrets', 'list', 'acme/shop/web', '-o', 'json'])) as {
      secrets: { id: string }[];
    };
    await cluster.cli(['secrets', 'retire', 'acme/shop/web', listed.secrets[0]!.id]);
    await eventually('the old one is refused', () => everywhere(401, 'acme', { secret: first }), FELT_MS);
    expect(await statuses('acme', { secret: second })).toEqual([200, 200]);
    cluster.useSecret('acme', second);
  });

  it('one with an expiry is refused after it, without any notification', async () => {
    const { id, secret } = await addSecret('globex/shop/other', '--expires-in', '15s');
    const isGood = () => everywhere(200, 'globex', { client: 'other', secret });
    await eventually('it is good', isGood, FELT_MS);
    const { secrets } = JSON.parse(await cluster.cli(['secrets', 'list', 'globex/shop/other', '-o', 'json'])) as {
      secrets: { id: string; expires_at: string | null }[];
    };
    const endsAt = Date.parse(secrets.find((listed) => listed.id === id)!.expires_at!);
    // The servers have the clock of this process.
    while (Date.now() < endsAt) expect((await isGood()) || Date.now() >= endsAt).toBe(true);
    await eventually('it is refused', () => everywhere(401, 'globex', { client: 'other', secret }), FELT_MS);
    expect(await statuses('globex', { client: 'other' })).toEqual([200, 200]);
  });

  describe('whose entry in Vault', () => {
    const PATH = 'secret/initech/shop/other';
    let entry: unknown;
    beforeAll(async () => {
      entry = (await cluster.vault.api('GET', `kv/data/${PATH}`)).body.data.data;
    });
    beforeEach(async () => {
      await cluster.vault.api('POST', `kv/data/${PATH}`, { data: entry });
      await eventually('it is good', () => everywhere(200, 'initech', { client: 'other' }), FELT_MS);
    });

    it.each([
      ['is deleted', () => cluster.vault.api('DELETE', `kv/metadata/${PATH}`)],
      ['is empty', () => cluster.vault.api('POST', `kv/data/${PATH}`, { data: {} })],
      ['lacks the field', () => cluster.vault.api('POST', `kv/data/${PATH}`, { data: { note: 'x' } })],
    ])('%s: a 401 and an alarm, never “no secret needed”', async (_, change) => {
      const before = replicas.map(alarms);
      await change();
      // By hand, so it takes effect after the maximum age, which is 1 s here.
      await eventually('it is refused', () => everywhere(401, 'initech', { client: 'other' }), FELT_MS);
      for (const secret of ['', null, 'wrong'])
        expect(await statuses('initech', { client: 'other', from: stranger(), secret })).toEqual([401, 401]);
      await eventually('both raise the alarm', () => replicas.every((replica, i) => alarms(replica) > before[i]!));
      expect(await statuses('initech', {})).toEqual([200, 200]);
    });

    it('holds an operator-provided one: it authenticates the client', async () => {
      const secret = cluster.canaries.plant('a secret that was put there by hand');
      await cluster.vault.api('POST', `kv/data/${PATH}`, { data: { secret_id: secret } });
      await eventually('it is good', () => everywhere(200, 'initech', { client: 'other', secret }), FELT_MS);
    });
  });

  const alarms = (replica: Replica) => (replica.output().match(/"event":"client_secret_missing"/g) ?? []).length;
});

describe('limits on failures over both replicas', () => {
  it('count together, for one source and one client, and do not affect others', async () => {
    const from = '192.0.2.10';
    const wrong = { from, secret: 'wrong' };
    for (let i = 0; i < LIMIT; i += 1)
      expect([401, 429]).toContain((await replicas[i % 2]!.mint('acme', wrong)).status);
    await eventually('both refuse', () => everywhere(429, 'acme', { from }), FELT_MS);
    const refusal = await replicas[1].mint('acme', { from });
    expect(refusal.refusal()).toMatchObject({ status: 429, error: 'too_many_requests' });
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await statuses('acme', { from: '192.0.2.11' })).toEqual([200, 200]);
    expect(await statuses('acme', { from, client: 'other' })).toEqual([200, 200]);
    expect(await statuses('globex', { from })).toEqual([200, 200]);
  });

  it('do not count outages of a dependency', async () => {
    const from = '192.0.2.12';
    cluster.proxies.vault.setMode('lose-answers');
    try {
      await eventually('it is away', () => everywhere(503, 'globex', { from }));
      for (let i = 0; i < LIMIT; i += 1)
        expect(await statuses('globex', { from, secret: 'wrong' })).toEqual([503, 503]);
    } finally {
      cluster.proxies.vault.setMode('pass');
    }
    await eventually('it is back', () => everywhere(200, 'globex', { from }));
  });

  it('continue in each process while Redis is down, and together again after it', async () => {
    await cluster.redis.stop('SIGKILL');
    const notices = (replica: Replica) => replica.output().match(/"event":"redis_unavailable"/g) ?? [];
    // An outage of less than a second is not noticed. Each replica must have noticed it.
    await eventually('both say so', () => replicas.every((replica) => notices(replica).length > 0));
    const from = '192.0.2.13';
    for (let i = 0; i < LIMIT; i += 1)
      expect((await replicas[0].mint('acme', { from, secret: 'wrong' })).status).toBe(401);
    expect((await replicas[0].mint('acme', { from })).status).toBe(429);
    expect((await replicas[1].mint('acme', { from })).status).toBe(200);
    await cluster.redis.restart();
    await eventually(
      'failures are shared again',
      async () => {
        // Failures that a replica counted during the outage are not shared, so each try has another source.
        const later = stranger();
        for (let i = 0; i < LIMIT; i += 1) await replicas[0].mint('acme', { from: later, secret: 'wrong' });
        await delay(100);
        return (await replicas[1].mint('acme', { from: later })).status === 429;
      },
      5000,
    );
    for (const replica of replicas) expect(notices(replica)).toHaveLength(1);
  });
});

describe('concurrent changes', () => {
  const keyIds = async (replica: Replica, tenant: TenantName) =>
    ((await replica.get(`/tenants/${tenant}/jwks.json`)).body['keys'] as { kid: string }[])
      .map(({ kid }) => kid)
      .sort();

  it('of two rotations one succeeds, and both replicas publish its key before it signs', async () => {
    const before = await keyIds(replicas[0], 'acme');
    const runs = [0, 1].map(() => cluster.startCli(['keys', 'rotate', 'acme', '-o', 'json']).result);
    const results = await Promise.all(runs);
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(results.find(({ code }) => code === 1)!.stderr).toMatch(/waits to become active already|changed/);
    const isPublished = async () =>
      (await Promise.all(replicas.map((replica) => keyIds(replica, 'acme')))).every(
        (ids) => ids.length === before.length + 1,
      );
    await eventually('both publish the new key', isPublished, FELT_MS);
    const listed = JSON.parse(await cluster.cli(['keys', 'list', 'acme', '-o', 'json'])) as {
      keys: { kid: string; state: string }[];
    };
    const active = listed.keys.find(({ state }) => state === 'active')!.kid;
    for (const replica of replicas) {
      const token = (await replica.mint('acme')).body['access_token'] as string;
      expect(JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())).toMatchObject({ kid: active });
    }
    const next = listed.keys.find(({ state }) => state === 'next')!.kid;
    await cluster.cli(['keys', 'revoke', 'acme', next]);
    const isWithdrawn = async () =>
      (await Promise.all(replicas.map((replica) => keyIds(replica, 'acme')))).every((ids) => !ids.includes(next));
    await eventually('a revoked key has left both sets', isWithdrawn, FELT_MS);
  });

  it('two applies run one after the other, and every replica serves their result', async () => {
    const file = cluster.tenantsFile({ clients: ['late'] });
    const runs = [0, 1].map(() => cluster.startCli(['apply', '-f', '-', '-o', 'json'], file).result);
    const results = await Promise.all(runs);
    expect(results.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(['0', '0']);
    const secrets = results.flatMap(
      ({ stdout }) => (JSON.parse(stdout) as { secrets: { tenant_id: string; secret_id: string }[] }).secrets,
    );
    expect(secrets.map(({ tenant_id }) => tenant_id).sort()).toEqual([...TENANTS].sort());
    for (const { tenant_id, secret_id } of secrets) {
      cluster.canaries.add('a secret of a late client', secret_id);
      await eventually(
        'both serve the new client',
        () => everywhere(200, tenant_id as TenantName, { client: 'late', secret: secret_id }),
        FELT_MS,
      );
    }
  });

  it('roles that changed in the tenant’s own database are in the next token of both', async () => {
    const roles = async (replica: Replica) =>
      decodeJwt((await replica.mint('acme')).body['access_token'] as string)['roles'];
    for (const replica of replicas) expect(await roles(replica)).toEqual(['reader']);
    await cluster.acmeServer.sql('DELETE FROM t_acme.tessera_user_roles');
    for (const replica of replicas) expect(await roles(replica)).toEqual([]);
  });
});
