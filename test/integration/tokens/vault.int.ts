import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { TesseraError } from '../../../src/errors/tessera-error.ts';
import { KvVault } from '../../../src/vault/kv/kv-vault.ts';
import { clientSecretPath, keyRingPath, tenantSecretsFolder, type VaultPath } from '../../../src/vault/vault-path.ts';
import { VaultConflict, type VaultService } from '../../../src/vault/vault.service.ts';
import { parseClientId, parseProjectId, parseTenantId } from '../../../src/domain/ids.ts';
import { vaultServiceConformance } from '../../conformance/vault-service.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { byRole, byToken, KvVaults } from '../../support/fixtures/kv-vault.ts';
import {
  type RaftOpenBao,
  type RunningOpenBao,
  startOpenBaoDev,
  startOpenBaoRaft,
  startOpenBaoTls,
} from '../../support/servers/openbao.ts';
import { startProcess } from '../../support/servers/process.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/servers/tcp-proxy.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Every vault of this file logs here, so that one test can search all lines. */
const vaults = new KvVaults();

/** The promise to callers: 503 within 3 s. */
const PROMISED_MS = 3_000;

let paths = 0;
const newPath = (): VaultPath =>
  clientSecretPath(parseTenantId('acme')!, parseProjectId('shop')!, parseClientId(`c-${(paths += 1)}`)!);
const WRITTEN = { secret_id: 'marked-stored-secret' };

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const stopwatch = startStopwatch();
  const refusal = await refusalOf(work);
  expect(stopwatch.stop()).toBeLessThan(PROMISED_MS);
  expect(refusal).toMatchObject({ code: 'temporarily_unavailable', retryAfterSeconds: 1 });
  return refusal.reason;
}

async function readFor(ms: number, vault: VaultService): Promise<void> {
  const path = newPath();
  const end = Date.now() + ms;
  while (Date.now() < end) {
    await vault.read(path);
    await delay(100);
  }
}

/** The time until a read works again. */
const recovery = (vault: VaultService, path: VaultPath): Promise<number> =>
  eventually('it recovers', () =>
    vault.read(path).then(
      () => true,
      () => false,
    ),
  );

let bao: RunningOpenBao;
beforeAll(async () => {
  bao = await startOpenBaoDev();
});
afterEach(async () => {
  await vaults.close();
});
afterAll(async () => {
  await bao.close();
});

vaultServiceConformance('KvVault', async () => {
  const server = await startOpenBaoDev();
  const role = await server.createAppRole();
  const stores = new KvVaults();
  return {
    vault: stores.connect(server.address, byRole(role)),
    another: () => stores.connect(server.address, byRole(role)),
    removeByHand: async (path) => {
      await server.api('DELETE', `kv/data/${path}`);
    },
    close: async () => {
      await stores.close();
      await server.close();
    },
  };
});

describe('KvVault and versions', () => {
  it('continues the version after a deleted, a destroyed and a deleted-again version', async () => {
    const vault = vaults.connect(bao.address, byToken(bao.rootToken));
    const path = newPath();
    await vault.write(path, { n: 1 }, 0);
    await bao.api('DELETE', `kv/data/${path}`);
    expect(await vault.write(path, { n: 2 }, 0)).toBe(2);
    await bao.api('POST', `kv/destroy/${path}`, { versions: [2] });
    expect(await vault.read(path)).toBeUndefined();
    expect(await vault.write(path, { n: 3 }, 0)).toBe(3);
    await expect(vault.write(path, { n: 4 }, 0)).rejects.toBeInstanceOf(VaultConflict);
  });
});

describe('KvVault and its permissions', () => {
  it('accepts a token with the documented policy', async () => {
    const vault = vaults.connect(bao.address, byToken(await bao.createToken()));
    await vault.check();
    const path = newPath();
    await vault.write(path, WRITTEN, 0);
    expect(await vault.list(tenantSecretsFolder(parseTenantId('acme')!))).toContain(path);
    await vault.destroy(path);
  });

  it.each([
    ['a token that Vault does not know', 'kv', undefined, 'wrong', 'it refuses our token'],
    [
      'a mount that does not exist',
      'nope',
      undefined,
      'root',
      'the mount does not exist, or our policy grants nothing on it',
    ],
    ['a namespace that does not exist', 'kv', 'nope', 'root', 'the namespace does not exist'],
    ['a mount that is not KV', 'cubbyhole', undefined, 'root', 'the mount is not a KV engine'],
    ['a version 1 mount', 'kv1', undefined, 'root', 'the mount is not KV version 2'],
  ])('rejects %s as an outage, never as an entry that is not there', async (_, mount, namespace, token, reason) => {
    if (mount === 'kv1') await bao.api('POST', 'sys/mounts/kv1', { type: 'kv', options: { version: '1' } });
    const vault = vaults.connect(bao.address, byToken(token), { mount, namespace });
    for (const work of [() => vault.read(newPath()), () => vault.write(newPath(), WRITTEN, 0), () => vault.check()])
      expect(await reasonOf(work())).toContain(`vault: ${reason}`);
  });

  it('reports that the policy permits reading but not writing', async () => {
    await bao.api('PUT', 'sys/policies/acl/read-only', { policy: 'path "kv/data/*" { capabilities = ["read"] }' });
    const vault = vaults.connect(bao.address, byToken(await bao.createToken({ policies: ['read-only'] })));
    expect(await vault.read(newPath())).toBeUndefined();
    expect(await reasonOf(vault.write(newPath(), WRITTEN, 0))).toBe('vault: our policy does not allow to write');
  });

  it('reports that its policy does not cover the mount', async () => {
    const vault = vaults.connect(bao.address, byToken(await bao.createToken({ policies: ['default'] })));
    expect(await reasonOf(vault.read(newPath()))).toBe(
      'vault: the mount does not exist, or our policy grants nothing on it',
    );
  });

  it('reports that its requests are limited', async () => {
    await bao.api('POST', 'sys/quotas/rate-limit/kv', { rate: 0.1, path: 'kv/' });
    try {
      const vault = vaults.connect(bao.address, byToken(bao.rootToken));
      const reasons = await Promise.allSettled([vault.read(newPath()), vault.read(newPath()), vault.read(newPath())]);
      expect(reasons.map((result) => result.status === 'rejected' && (result.reason as TesseraError).reason)).toContain(
        'vault: it limits our requests',
      );
    } finally {
      await bao.api('DELETE', 'sys/quotas/rate-limit/kv');
    }
  });

  it('works within a namespace, apart from the root', async () => {
    await bao.api('POST', 'sys/namespaces/team');
    await bao.api('POST', 'team/sys/mounts/kv', { type: 'kv', options: { version: '2' } });
    const path = newPath();
    const inside = vaults.connect(bao.address, byToken(bao.rootToken), { namespace: 'team' });
    await inside.write(path, WRITTEN, 0);
    expect(await inside.read(path)).toEqual({ version: 1, data: WRITTEN });
    expect(await vaults.connect(bao.address, byToken(bao.rootToken)).read(path)).toBeUndefined();
  });

  it('treats a forbidden path as an outage, and logs in only once for it', async () => {
    await bao.api('PUT', 'sys/policies/acl/keys-only', { policy: 'path "kv/data/keys/*" { capabilities = ["read"] }' });
    const vault = vaults.connect(bao.address, byRole(await bao.createAppRole({ token_policies: ['keys-only'] })));
    const logins = vaults.linesWith('vault_login').length;
    expect(await vault.read(keyRingPath(parseTenantId('acme')!))).toBeUndefined();
    for (let n = 0; n < 3; n += 1)
      expect(await reasonOf(vault.read(newPath()))).toBe('vault: our policy does not allow this');
    expect(vaults.linesWith('vault_login')).toHaveLength(logins + 1);
  });
});

describe('KvVault and its AppRole', () => {
  it('logs in once for many operations at one time', async () => {
    const vault = vaults.connect(bao.address, byRole(await bao.createAppRole()));
    const logins = vaults.linesWith('vault_login').length;
    await Promise.all(Array.from({ length: 20 }, () => vault.read(newPath())));
    expect(vaults.linesWith('vault_login')).toHaveLength(logins + 1);
  });

  it('continues after its token expires, by renewal and by a new login, without a failure', async () => {
    const vault = vaults.connect(
      bao.address,
      byRole(await bao.createAppRole({ token_ttl: '2s', token_max_ttl: '4s' })),
    );
    const before = {
      logins: vaults.linesWith('vault_login').length,
      renewals: vaults.linesWith('vault_token_renewed').length,
    };
    await readFor(7_000, vault);
    expect(vaults.linesWith('vault_token_renewed').length).toBeGreaterThan(before.renewals);
    expect(vaults.linesWith('vault_login').length).toBeGreaterThan(before.logins + 1);
  });

  it('replaces a token that cannot be renewed before it expires', async () => {
    const role = await bao.createAppRole({ token_ttl: '2s', token_max_ttl: '2s', token_type: 'batch' });
    const vault = vaults.connect(bao.address, byRole(role));
    await readFor(5_000, vault);
  });

  it('logs in again when its token was revoked, without a failed operation', async () => {
    const vault = vaults.connect(bao.address, byRole(await bao.createAppRole()));
    await vault.read(newPath());
    await delay(1_100);
    const logins = vaults.linesWith('vault_login').length;
    await bao.api('PUT', 'sys/leases/revoke-prefix/auth/approle/login');
    const path = newPath();
    const versions = await Promise.all([vault.write(path, WRITTEN, 0), vault.read(newPath()), vault.check()]);
    expect(versions[0]).toBe(1);
    expect(vaults.linesWith('vault_login')).toHaveLength(logins + 1);
  });

  it('rejects a wrong secret id as an outage, with one login a second at most, and recovers when it becomes right', async () => {
    const { name, roleId } = await bao.createAppRole();
    const failures = vaults.linesWith('vault_login_failed').length;
    const vault = vaults.connect(bao.address, byRole({ roleId, secretId: 'marked-late-secret-id' }));
    for (let n = 0; n < 5; n += 1)
      expect(await reasonOf(vault.read(newPath()))).toBe('vault: it refuses our role id or secret id');
    expect(vaults.linesWith('vault_login_failed')).toHaveLength(failures + 1);
    await bao.api('POST', `auth/approle/role/${name}/custom-secret-id`, { secret_id: 'marked-late-secret-id' });
    expect(await recovery(vault, newPath())).toBeLessThan(5_000);
  });

  it('revokes its token when it is closed', async () => {
    const vault = vaults.connect(bao.address, byRole(await bao.createAppRole()));
    const accessors = async () => (await bao.api('LIST', 'auth/token/accessors')).body.data.keys as string[];
    const before = await accessors();
    await vault.check();
    const [own] = (await accessors()).filter((accessor) => !before.includes(accessor));
    expect(own).toBeDefined();
    await vault.close();
    expect(await accessors()).not.toContain(own);
  });
});

describe('KvVault and its fixed token', () => {
  it('renews it', async () => {
    const vault = vaults.connect(bao.address, byToken(await bao.createToken({ ttl: '2s', period: '2s' })));
    await readFor(5_000, vault);
  });

  it('reports that it expires and cannot be renewed', async () => {
    const warnings = vaults.linesWith('vault_token_ends').length;
    const vault = vaults.connect(bao.address, byToken(await bao.createToken({ ttl: '2s', renewable: false })));
    await vault.check();
    await delay(2_500);
    expect(vaults.linesWith('vault_token_ends')).toHaveLength(warnings + 1);
    expect(await reasonOf(vault.check())).toContain('vault: it refuses our token');
  });
});

describe('KvVault over a bad network', () => {
  let proxy: TcpProxy;
  let vault: KvVault;
  const path = newPath();
  beforeEach(async () => {
    proxy = await startTcpProxy(bao.port);
    vault = vaults.connect(`http://127.0.0.1:${proxy.port}`, byRole(await bao.createAppRole()));
    await vault.read(path);
  });
  afterEach(async () => {
    proxy.setMode('pass');
    await vault.close();
    await proxy.close();
  });

  it('stops waiting in time when all packets are lost, for every caller, and recovers', async () => {
    proxy.setMode('black-hole');
    const reasons = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        reasonOf(n % 2 === 0 ? vault.read(newPath()) : vault.write(newPath(), {}, 0)),
      ),
    );
    expect(new Set(reasons)).toEqual(new Set(['vault: no answer in time', 'vault: all connections are busy']));
    proxy.setMode('pass');
    expect(await recovery(vault, path)).toBeLessThan(5_000);
  });

  it('opens no more connections than its limit', async () => {
    proxy.setMode({ delayMs: 20 });
    await Promise.all(Array.from({ length: 40 }, () => vault.read(newPath())));
    expect(proxy.mostConnections()).toBeLessThanOrEqual(5);
  });

  it('refuses operations beyond the queue’s limit at once', async () => {
    proxy.setMode('black-hole');
    const waiting = Array.from({ length: 1_004 }, () => refusalOf(vault.read(path)));
    const stopwatch = startStopwatch();
    expect(await reasonOf(vault.read(path))).toBe('vault: too many operations are waiting');
    expect(stopwatch.stop()).toBeLessThan(1_000);
    await Promise.all(waiting);
  });

  it('stops waiting in time for a server that is too slow', async () => {
    proxy.setMode({ delayMs: 1_500 });
    expect(await reasonOf(vault.read(path))).toBe('vault: no answer in time');
  });

  it('retries a read after a cut connection', async () => {
    const reads = Array.from({ length: 4 }, () => vault.read(path));
    proxy.cut();
    expect(await Promise.all(reads)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('recognizes its own write when the response was lost', async () => {
    const written = newPath();
    proxy.setMode('lose-next-answer');
    expect(await vault.write(written, WRITTEN, 0)).toBe(1);
    expect(await vault.read(written)).toEqual({ version: 1, data: WRITTEN });
  });

  it('reports a write as an outage when its result is unknown, and a read shows the result', async () => {
    const written = newPath();
    proxy.setMode('lose-answers');
    expect(await reasonOf(vault.write(written, WRITTEN, 0))).toBe('vault: the connection broke');
    proxy.setMode('pass');
    expect(await vault.read(written)).toEqual({ version: 1, data: WRITTEN });
  });

  it("reports another writer's write as a conflict even when its own response was lost", async () => {
    const written = newPath();
    await vault.write(written, { n: 1 }, 0);
    await bao.api('POST', `kv/data/${written}`, { data: { n: 'other' } });
    proxy.setMode('lose-next-answer');
    await expect(vault.write(written, { n: 2 }, 1)).rejects.toBeInstanceOf(VaultConflict);
    expect((await vault.read(written))?.data).toEqual({ n: 'other' });
  });

  it('reports that nothing listens', async () => {
    await proxy.close();
    expect(await reasonOf(vault.read(path))).toBe('vault: it cannot be reached');
    proxy = await startTcpProxy(bao.port);
  });
});

describe('KvVault over TLS', () => {
  let server: Awaited<ReturnType<typeof startOpenBaoTls>>;
  beforeAll(async () => {
    server = await startOpenBaoTls();
  });
  afterAll(async () => {
    await server.close();
  });

  /** In a separate process, because Node reads the trusted authorities at its start. */
  async function check(environment: NodeJS.ProcessEnv): Promise<string> {
    const asked = await startProcess(
      process.execPath,
      ['--import', './scripts/typescript.mjs', 'test/support/fixtures/vault-check.ts'],
      {
        cwd: REPOSITORY,
        env: {
          PATH: process.env['PATH'],
          VAULT_ADDR: server.address,
          VAULT_TOKEN: server.rootToken,
          VAULT_KV_MOUNT: 'secret',
          ...environment,
        },
        ready: () => true,
      },
    );
    // It must exit although nothing was closed.
    await asked.ended;
    return asked.output().trim();
  }

  it('accepts a certificate of an authority that Node trusts', async () => {
    expect(await check({ NODE_EXTRA_CA_CERTS: server.authorityFile })).toBe('it can serve');
  });

  it('rejects a certificate of an authority that Node does not trust', async () => {
    expect(await check({})).toBe('vault: its certificate is not trusted');
  });
});

describe('KvVault through seal, kill and restart', () => {
  let raft: RaftOpenBao;
  let vault: KvVault;
  const path = newPath();
  beforeAll(async () => {
    raft = await startOpenBaoRaft();
  });
  beforeEach(async () => {
    vault = vaults.connect(raft.address, byRole(await raft.createAppRole()));
    await vault.read(path);
  });
  afterAll(async () => {
    await raft.close();
  });

  it('answers with an outage while it is sealed, and works within five seconds after the unseal', async () => {
    const written = newPath();
    await vault.write(written, WRITTEN, 0);
    await raft.seal();
    expect(await reasonOf(vault.read(written))).toBe('vault: it is sealed or not ready');
    expect(await reasonOf(vault.write(written, {}, 1))).toBe('vault: it is sealed or not ready');
    expect(await reasonOf(vault.check())).toBe('vault: it is sealed or not ready');
    await raft.unseal();
    expect(await recovery(vault, written)).toBeLessThan(5_000);
    expect(await vault.read(written)).toEqual({ version: 1, data: WRITTEN });
  });

  it('loses no acknowledged write when the server is killed in the middle, and recovers by itself', async () => {
    const written = newPath();
    let acknowledged = 0;
    let killed = false;
    const writer = (async () => {
      for (;;) {
        try {
          const entry = await vault.read(written);
          acknowledged = await vault.write(written, { n: (entry?.version ?? 0) + 1 }, entry?.version ?? 0);
        } catch (error) {
          if (killed) return;
          throw error;
        }
      }
    })();
    await eventually('twenty writes', () => acknowledged >= 20);
    killed = true;
    await raft.stop('SIGKILL');
    await writer;
    expect(await reasonOf(vault.read(written))).toBe('vault: it cannot be reached');
    await raft.start();
    expect(await reasonOf(vault.read(written))).toBe('vault: it is sealed or not ready');
    await raft.unseal();
    expect(await recovery(vault, written)).toBeLessThan(5_000);
    const entry = await vault.read(written);
    // The last write may have been made although no response arrived.
    expect([acknowledged, acknowledged + 1]).toContain(entry!.version);
    expect(entry!.data).toEqual({ n: entry!.version });
  });
});

describe('KvVault and secrets', () => {
  it('writes none into errors, log lines or the console, whatever fails', async () => {
    const printed: unknown[] = [];
    const methods = ['log', 'error', 'warn', 'info', 'debug', 'trace', 'dir'] as const;
    const original = { ...console };
    for (const method of methods) console[method] = (...args: unknown[]) => printed.push(args);
    const errors: unknown[] = [];
    const collect = (work: Promise<unknown>) =>
      work.then(
        () => undefined,
        (error: unknown) => errors.push(error),
      );
    const proxy = await startTcpProxy(bao.port);
    const role = await bao.createAppRole();
    await bao.api('POST', `auth/approle/role/${role.name}/custom-secret-id`, { secret_id: 'marked-secret-id' });
    await bao.api('POST', 'auth/token/create', { id: 'marked-token', policies: ['tessera'] });
    try {
      for (const auth of [byRole({ roleId: role.roleId, secretId: 'marked-secret-id' }), byToken('marked-token')]) {
        const vault = vaults.connect(`http://127.0.0.1:${proxy.port}`, auth, { timeoutMs: 400 });
        const path = newPath();
        const everything = async () => {
          await collect(vault.read(path));
          await collect(vault.write(path, WRITTEN, 7));
          await collect(vault.write(path, WRITTEN, 0));
          await collect(vault.check());
          await collect(vault.destroy(path));
        };
        await vault.write(path, WRITTEN, 0);
        await collect(vault.write(path, { secret_id: 'marked-conflicting-secret' }, 0));
        for (const mode of ['lose-answers', 'black-hole'] as const) {
          proxy.setMode(mode);
          await Promise.all([everything(), everything()]);
          proxy.setMode('pass');
        }
        await collect(vaults.connect('http://127.0.0.1:1', auth).read(path));
        await collect(vaults.connect(bao.address, auth, { mount: 'nope' }).write(path, WRITTEN, 0));
        await collect(vaults.connect(bao.address, auth, { namespace: 'bad\r\nname' }).write(path, WRITTEN, 0));
        errors.push(vault);
      }
    } finally {
      Object.assign(console, original);
      await vaults.close();
      await proxy.close();
    }
    expect(errors.length).toBeGreaterThan(20);
    expect(printed).toEqual([]);
    const text = inspect(errors, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null });
    for (const seen of [
      text,
      JSON.stringify(errors.filter((error) => !(error instanceof KvVault))),
      vaults.lines.join(''),
    ])
      expect(seen).not.toMatch(/marked-|hvs\.|hvb\.|\bs\.[A-Za-z0-9]{20}/);
  });
});
