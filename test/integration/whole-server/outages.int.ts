import { Redis } from 'ioredis';
import { createConnection, type Connection } from 'mysql2/promise';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { TestCluster, type Replica, TENANTS } from '../../support/tessera/test-cluster.ts';
import { oauthRefusal } from '../../support/requests/token-endpoint.ts';
import { type Load, type LoadOutcome, startLoad } from '../../support/requests/load.ts';
import type { RunningMariaDb } from '../../support/servers/mariadb.ts';
import type { RaftOpenBao } from '../../support/servers/openbao.ts';

/** The promise to callers. */
const ANSWER_MS = 3000;
const RECOVERY_MS = 5000;

let cluster: TestCluster<RaftOpenBao>;
/** One process for all outages, because it must recover from each without a restart. */
let replica: Replica;
let bearer: string;

beforeAll(async () => {
  cluster = await TestCluster.onRaftVault();
  replica = await cluster.startReplica();
  const answer = await replica.mint('acme');
  bearer = `Bearer ${String(answer.body['access_token'])}`;
  for (const path of DOCUMENTS) expect((await replica.get(path)).status).toBe(200);
});
afterAll(() => cluster.close());

interface Outage {
  readonly name: string;
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

type Need = (outcome: Pick<LoadOutcome, 'tenant' | 'surface'>) => boolean;

const everybody: Need = () => true;
const nobody: Need = () => false;
const usersOfAcme: Need = ({ tenant, surface }) => tenant === 'acme' && surface === 'user';

const DOCUMENTS = TENANTS.flatMap((tenant) => [
  `/tenants/${tenant}/jwks.json`,
  `/tenants/${tenant}/.well-known/openid-configuration`,
  `/.well-known/oauth-authorization-server/tenants/${tenant}`,
]);

/** A whole outage, with a load before, during and after it. */
async function endure(outage: Outage, needs: Need, notReady: readonly string[]): Promise<void> {
  const load = startLoad(replica, TENANTS, 2, 5);
  try {
    await eventually('all is well before the outage', () => allHad(200, load, 0, everybody));
    await outage.begin();
    const brokenAt = performance.now();
    try {
      await eventually('whoever needs it gets a 503', () => allHad(503, load, brokenAt, needs));
      await delay(1000);
      await assertServesFromMemory(notReady);
      await assertTokenEndpointAnswers(needs);
    } finally {
      await outage.end();
    }
    const mendedAt = performance.now();
    await eventually('everybody is served again', () => allHad(200, load, mendedAt, everybody), RECOVERY_MS);
    await eventually('it is ready again', async () => (await replica.get('/readyz')).status === 200, RECOVERY_MS);
  } finally {
    await load.stop();
  }
  assertVerdicts(load.outcomes, needs);
  const audited = await cluster.auditedTokens();
  expect(load.outcomes.filter(({ tokenId }) => tokenId !== undefined && !audited.has(tokenId))).toEqual([]);
}

/** Whether each kind of caller got that status for a request that was sent since then. */
function allHad(status: number, load: Load, since: number, who: Need): boolean {
  return TENANTS.flatMap((tenant) => (['user', 'admin'] as const).map((surface) => ({ tenant, surface })))
    .filter(who)
    .every(({ tenant, surface }) =>
      load.outcomes.some(
        (outcome) =>
          outcome.status === status && outcome.at >= since && outcome.tenant === tenant && outcome.surface === surface,
      ),
    );
}

async function assertServesFromMemory(notReady: readonly string[]): Promise<void> {
  for (const path of DOCUMENTS) {
    const { status, ms } = await replica.get(path);
    expect(`${path} ${status} ${ms < 1000}`).toBe(`${path} 200 true`);
  }
  const profile = await replica.get('/auth/user/profile', { authorization: bearer });
  expect([profile.status, profile.ms < 1000]).toEqual([200, true]);
  expect((await replica.get('/healthz')).status).toBe(200);
  // The result is cached for half a second, and a check may take two.
  await eventually(
    `readiness names ${notReady.join()}`,
    async () => isDeepStrictEqual((await replica.get('/readyz')).body['down'] ?? [], notReady),
    3000,
  );
}

/** A service needs what a user needs: its roles are in the tenant's database. Errors of the token endpoint have the form of RFC 6749. */
async function assertTokenEndpointAnswers(needs: Need): Promise<void> {
  for (const tenant of TENANTS) {
    if (!needs({ tenant, surface: 'user' })) {
      expect((await replica.clientCredentials(tenant)).status).toBe(200);
      continue;
    }
    // Where a dependency is slow, not every request fails.
    await eventually(`the token endpoint of ${tenant} refuses`, async () => {
      const answer = await replica.clientCredentials(tenant);
      if (answer.status === 200) return false;
      expect(oauthRefusal(answer)).toBe('503 temporarily_unavailable');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      return true;
    });
  }
}

/** A token or a 503 with Retry-After, in time. Callers that do not need the dependency get tokens only. */
function assertVerdicts(outcomes: readonly LoadOutcome[], needs: Need): void {
  const wrong = outcomes.filter((outcome) => outcome.status !== 200 && !(outcome.status === 503 && needs(outcome)));
  expect(wrong.slice(0, 5)).toEqual([]);
  const refusals = outcomes.filter(({ status }) => status === 503);
  expect(refusals.filter(({ retryAfter }) => !/^[1-9]\d*$/.test(retryAfter ?? '')).slice(0, 5)).toEqual([]);
  expect(outcomes.filter(({ ms }) => ms >= ANSWER_MS).slice(0, 5)).toEqual([]);
}

type ServerName = 'control' | 'acmeServer';

/** The failures of a database server and of the account that is used on it. */
function databaseOutages(name: ServerName): Outage[] {
  const server = (): RunningMariaDb => cluster[name];
  const proxy = () => cluster.proxies[name === 'control' ? 'control' : 'acme'];
  const user = name === 'control' ? 'tessera' : 'acme';
  const password = () => (name === 'control' ? cluster.controlPassword : cluster.databasePassword('acme'));
  let holder: Connection | undefined;
  const killConnections = async () => {
    const rows = await server().sql(
      `SELECT id AS connection FROM information_schema.processlist WHERE user = '${user}'`,
    );
    for (const { connection } of rows) {
      if (Number(connection) !== holder?.threadId)
        await server()
          .sql(`KILL ${connection}`)
          .catch(() => undefined);
    }
  };
  return [
    { name: 'stopped', begin: () => server().stop(), end: () => server().restart() },
    { name: 'killed', begin: () => server().stop('SIGKILL'), end: () => server().restart() },
    {
      name: 'behind a black hole',
      begin: () => {
        proxy().setMode('black-hole');
      },
      end: () => {
        proxy().setMode('pass');
      },
    },
    {
      name: 'frozen',
      begin: () => server().pause(),
      end: () => {
        server().resume();
      },
    },
    {
      name: 'slow',
      begin: () => {
        proxy().setMode({ delayMs: 900 });
      },
      end: () => {
        proxy().setMode('pass');
      },
    },
    {
      name: 'out of connections',
      begin: async () => {
        await server().sql(`ALTER USER '${user}'@'%' WITH MAX_USER_CONNECTIONS 1`);
        // The service needs the only connection, too.
        await eventually('the only connection is taken', async () => {
          await killConnections();
          holder = await createConnection({ host: '127.0.0.1', port: server().port, user, password: password() }).catch(
            () => undefined,
          );
          return holder !== undefined;
        });
      },
      end: async () => {
        holder?.destroy();
        await server().sql(`ALTER USER '${user}'@'%' WITH MAX_USER_CONNECTIONS 0`);
      },
    },
    {
      name: 'given another password',
      begin: async () => {
        await server().sql(`ALTER USER '${user}'@'%' IDENTIFIED BY 'another'`);
        await killConnections();
      },
      end: async () => {
        await server().sql(`ALTER USER '${user}'@'%' IDENTIFIED BY '${password()}'`);
      },
    },
  ];
}

const vaultOutages: Outage[] = [
  { name: 'sealed', begin: () => cluster.vault.seal(), end: () => cluster.vault.unseal() },
  {
    name: 'killed',
    begin: () => cluster.vault.stop('SIGKILL'),
    end: async () => {
      await cluster.vault.start();
      await cluster.vault.unseal();
    },
  },
  {
    name: 'behind a black hole',
    begin: () => {
      cluster.proxies.vault.setMode('black-hole');
    },
    end: () => {
      cluster.proxies.vault.setMode('pass');
    },
  },
  {
    name: 'slow',
    begin: () => {
      cluster.proxies.vault.setMode({ delayMs: 1200 });
    },
    end: () => {
      cluster.proxies.vault.setMode('pass');
    },
  },
  {
    name: 'without our role',
    begin: async () => {
      await cluster.vault.api('DELETE', `auth/approle/role/${cluster.vaultRole.name}`);
      await cluster.vault.api('PUT', 'sys/leases/revoke-prefix/auth/approle', {});
    },
    end: async () => {
      const { name, roleId, secretId } = cluster.vaultRole;
      await cluster.vault.api('POST', `auth/approle/role/${name}`, { token_policies: ['tessera'] });
      await cluster.vault.api('POST', `auth/approle/role/${name}/role-id`, { role_id: roleId });
      await cluster.vault.api('POST', `auth/approle/role/${name}/custom-secret-id`, { secret_id: secretId });
    },
  },
];

/** As an operator, on a separate connection. */
async function onRedis(password: string, ...commands: readonly (readonly string[])[]): Promise<void> {
  const redis = new Redis({ port: cluster.redis.port, host: '127.0.0.1', password });
  for (const [command, ...args] of commands) await redis.call(command!, ...args);
  redis.disconnect();
}

const redisOutages: Outage[] = [
  {
    name: 'given another password',
    begin: () =>
      onRedis(
        cluster.redisPassword,
        ['CONFIG', 'SET', 'requirepass', 'another'],
        ...['normal', 'pubsub'].map((type) => ['CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes']),
      ),
    end: () => onRedis('another', ['CONFIG', 'SET', 'requirepass', cluster.redisPassword]),
  },
  { name: 'stopped', begin: () => cluster.redis.stop(), end: () => cluster.redis.restart() },
  { name: 'killed', begin: () => cluster.redis.stop('SIGKILL'), end: () => cluster.redis.restart() },
  {
    name: 'behind a black hole',
    begin: () => {
      cluster.proxies.redis.setMode('black-hole');
    },
    end: () => {
      cluster.proxies.redis.setMode('pass');
      cluster.proxies.redis.cut();
    },
  },
];

describe('the control database', () => {
  it.each(databaseOutages('control'))('$name is a 503 for every token, and the documents are still served', (outage) =>
    endure(outage, everybody, ['control database']),
  );
});

describe('the database of one tenant', () => {
  it.each(databaseOutages('acmeServer'))('$name is a 503 for its users only', (outage) =>
    endure(outage, usersOfAcme, []),
  );
});

describe('Vault', () => {
  it.each(vaultOutages)(
    '$name is a 503 for every token after the maximum age, and the documents are still served',
    (outage) => endure(outage, everybody, ['vault']),
  );
});

describe('Redis', () => {
  const told = (what: string) => replica.output().split(`"event":"redis_${what}"`).length - 1;

  it.each(redisOutages)('$name causes no 503, and wrong secrets are still refused', async (outage) => {
    await endure(
      {
        ...outage,
        begin: async () => {
          await outage.begin();
          expect((await replica.mint('acme', { client: 'other', secret: 'wrong' })).refusal().status).toBe(401);
          await eventually('the log says that it is away', () => told('unavailable') > told('available'), 3000);
        },
        end: async () => {
          await outage.end();
          await eventually(
            'the log says that it is back',
            () => told('unavailable') === told('available'),
            RECOVERY_MS,
          );
        },
      },
      nobody,
      [],
    );
  });
});

it('ends for the same process, which leaked no secret, token or address', async () => {
  expect(replica.child.exitCode).toBeNull();
  expect((await replica.get('/metrics')).status).toBe(200);
  cluster.canaries.search('the metrics', (await replica.get('/metrics')).text);
  expect(cluster.leaks()).toEqual([]);
});
