import { readdir } from 'node:fs/promises';
import { SecretUseEntity } from '../../../src/control-plane/entities/secret-use.entity.ts';
import { ControlPlane, createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { SecretUses } from '../../../src/clients/secret-uses.ts';
import { Secret } from '../../../src/config/secret.ts';
import { Log } from '../../../src/logging/log.ts';
import { ClientSecretStore } from '../../../src/clients/client-secret.store.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { clientSecretPath } from '../../../src/vault/vault-path.ts';
import { parseClientId, parseProjectId, parseTenantId } from '../../../src/domain/ids.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { CONTROL_PLANE_SCHEMA } from '../../../src/control-plane/control-plane.schema.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';
import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { type CliResult, TestInstallation } from './installation.ts';
import { replaceEach, replaceOnce } from '../../../libs/token/test/replace-once.ts';

const WEB = {
  tenantId: parseTenantId('acme')!,
  projectId: parseProjectId('shop')!,
  clientId: parseClientId('web')!,
};
const WEB_PATH = clientSecretPath(WEB.tenantId, WEB.projectId, WEB.clientId);
const SILENT = new Log('silent', { write: () => undefined });

/** Time advances by a second at every read. */
class SlowWorkClock extends TestClock {
  override monotonicMs(): number {
    this.advanceSeconds(1);
    return super.monotonicMs();
  }
}

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

async function run(line: string): Promise<CliResult> {
  return installation.run(line.split(' '));
}

/** The JSON of any command. */
interface Printed {
  readonly keys: readonly Readonly<Record<string, string>>[];
  readonly secrets: readonly Readonly<Record<string, string>>[];
  readonly migrated: readonly unknown[];
  readonly id: string;
  readonly secret_id: string;
}

/** The JSON that a command prints. Fails when the command does. */
async function json(line: string): Promise<Printed> {
  const result = await run(`${line} -o json`);
  if (result.code !== 0) throw new Error(`${line} ended with ${result.code}: ${result.stderr}`);
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as Printed;
}

/** The tenant's version in the control plane, which running servers poll. */
async function version(): Promise<number> {
  const controlPlane = await ControlPlane.forReading(installation.config(), SILENT);
  try {
    const [row] = await controlPlane.query("SELECT version FROM tenants WHERE id = 'acme'");
    return Number(row!['version']);
  } finally {
    await controlPlane.close();
  }
}

describe('tessera', () => {
  it.each([
    ['--help', 0],
    ['apply --help', 0],
    ['secrets add --help', 0],
    ['', 2],
    ['keys', 2],
    ['aply', 2],
    ['apply', 2],
    ['apply -f', 2],
    ['apply -f - extra', 2],
    ['apply -f - --output yaml', 2],
    ['keys list', 2],
    ['keys list ../acme', 2],
    ['secrets list acme/shop', 2],
    ['secrets list acme/shop/web/x', 2],
    ['secrets add acme/shop/web --expires-in 90', 2],
    ['keys rotate', 2],
    ['keys rotate acme --all', 2],
    ['keys rotate acme --lead soon', 2],
    ['keys rotate acme --lead 0s', 2],
  ])('%s ends with %i and leaves the disk alone', async (line, code) => {
    const result = await installation.run(line === '' ? [] : line.split(' '));
    expect(result.code).toBe(code);
    expect(code === 0 ? result.stdout : result.stderr).toMatch(/Usage: tessera|--help/);
    expect(code === 0 ? result.stderr : result.stdout).toBe('');
    expect(await readdir(installation.folder)).toEqual([]);
  });

  it('shows an example in the help of every command', async () => {
    const commands = [
      ...['apply', 'export', 'migrate', 'purge', 'quickstart', 'config check'],
      ...['list', 'rotate', 'activate', 'retire', 'revoke'].map((name) => `keys ${name}`),
      ...['list', 'add', 'retire'].map((name) => `secrets ${name}`),
    ];
    for (const command of commands) {
      const { stdout } = await run(`${command} --help`);
      expect(stdout).toMatch(/Examples?:\n {2}\$ (tessera|npm run)/);
    }
  });

  it('names faulty settings, never their values, and how to go on', async () => {
    await installation.write('.env', 'PORT=hunter2\nTESSERA_NOPE=1\n');
    const result = await run('export');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/PORT must be.*|TESSERA_NOPE is not a setting/);
    expect(result.stderr).toMatch(/Correct them in the environment or in \.env\.\n$/);
    expect(result.stderr).not.toContain('hunter2');
  });

  it('shows progress of long work on a terminal only', async () => {
    const many = tenantsFile(...Array.from({ length: 3 }, (_, i) => replaceOnce(GLOBEX, 'globex', `t${i}`)));
    const clock = new SlowWorkClock();
    const seen = await installation.run(['apply', '-f', '-', '-o', 'json'], { stdin: many, isTTY: true, clock });
    expect(seen.stderr).toMatch(/applying tenant 2\/3/);
    expect(JSON.parse(seen.stdout).secrets).toHaveLength(3);
    const unseen = await installation.run(['apply', '-f', '-'], { stdin: many, clock });
    expect(unseen.stderr).toBe('');
  });

  it('shows no progress of short work', async () => {
    const clock = new TestClock();
    const { stderr } = await installation.run(['apply', '-f', '-'], { stdin: tenantsFile(GLOBEX), isTTY: true, clock });
    expect(stderr).toBe('');
  });
});

describe('config check', () => {
  it('prints the effective settings, without secrets', async () => {
    const result = await run('config check');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/The configuration is valid[^]*embedded SQLite/);
    expect(await readdir(installation.folder)).toEqual([]);
  });

  it('refuses a wrong setting', async () => {
    await installation.write('.env', 'PORT=99999\n');
    expect(await run('config check')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/PORT/) });
  });
});

describe('migrate', () => {
  it('runs missing migrations once', async () => {
    expect((await json('migrate --dry-run')).migrated).toEqual([
      { database: 'control', migrations: CONTROL_PLANE_SCHEMA.migrations.map(({ name }) => name) },
    ]);
    expect(await readdir(installation.folder)).toEqual([]);
    expect((await json('migrate')).migrated).toHaveLength(1);
    expect(await run('migrate')).toMatchObject({ code: 0, stdout: 'Every schema is current.\n' });
  });
});

describe('keys', () => {
  beforeEach(() => installation.applied(tenantsFile(ACME)));

  it('rotates: a key is published first, and only one rotation runs at a time', async () => {
    const before = await version();
    const [first, next] = (await json('keys rotate acme')).keys as [Printed['keys'][0], Printed['keys'][0]];
    expect(first).toMatchObject({ state: 'active', retire_at: next['activated_at'] });
    expect(next).toMatchObject({ state: 'next', retire_at: null });
    expect(await version()).toBeGreaterThan(before);
    expect(await run('keys rotate acme')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/waits to become active already/),
    });
    expect(await run(`keys activate acme ${next['kid']}`)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/not been public for long enough/),
    });
    const { keys } = await json(`keys activate acme ${next['kid']} --dangerously-before-verifiers-know-it`);
    expect(keys.map(({ state }) => state)).toEqual(['retired', 'active']);
    expect((await json(`keys revoke acme ${first['kid']}`)).keys[0]!['state']).toBe('revoked');
    expect(await run(`keys revoke acme ${next['kid']}`)).toMatchObject({ code: 1 });
  });

  it('rotates those of every tenant, and leaves one that has a next key as it is', async () => {
    await installation.applied(tenantsFile(ACME, GLOBEX));
    await json('keys rotate acme');
    expect(await run('keys rotate --all --output json')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /"rotated":\s*\[\s*"globex"\s*\],\s*"waiting":\s*\[\s*"acme"\s*\],\s*"failed":\s*\[\]/,
      ),
    });
    expect((await json('keys list globex')).keys.map(({ state }) => state)).toEqual(['active', 'next']);
    expect(await run('keys rotate --all')).toMatchObject({
      code: 0,
      stdout: '0 key rings rotated, 2 with a next key already, 0 failed\n',
    });
  });

  it('goes on with the other tenants when the rotation of one fails', async () => {
    await installation.applied(tenantsFile(ACME, GLOBEX));
    const refused = await run('keys rotate --all --lead 367d');
    expect(refused).toMatchObject({
      code: 1,
      stdout: '0 key rings rotated, 0 with a next key already, 2 failed\n',
      stderr: expect.stringMatching(/tenant "acme": [^]*tenant "globex": [^]*run the command again/),
    });
  });

  it('lists keys in columns, without private halves', async () => {
    const { stdout } = await run('keys list acme');
    expect(stdout).toMatch(/^KID +ALG +STATE[^]*ES256 +active/);
    expect(JSON.stringify(await json('keys list acme'))).not.toMatch(/"d"|private/);
  });

  it('lists the existing tenants when an unknown one is named', async () => {
    expect(await run('keys list globex')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/There is no tenant "globex": use one of acme/),
    });
  });
});

describe('secrets', () => {
  let first: string;
  beforeEach(async () => {
    first = (await installation.applied(tenantsFile(ACME))).secrets[0]!.secret_id;
  });

  it('are two at most, shown once, and one is always left', async () => {
    const before = await version();
    const added = await json('secrets add acme/shop/web --expires-in 90d --label new');
    expect(added.secret_id).toMatch(/^tsk_/);
    expect(added.secret_id).not.toBe(first);
    expect(await version()).toBeGreaterThan(before);
    expect(await run('secrets add acme/shop/web')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/two live secrets already: .*secrets retire/),
    });

    const { secrets } = await json('secrets list acme/shop/web');
    expect(secrets).toEqual([
      expect.objectContaining({ state: 'live', expires_at: null, last_used_at: null, label: null }),
      expect.objectContaining({ id: added.id, state: 'live', expires_at: expect.any(String), label: 'new' }),
    ]);
    expect(JSON.stringify(secrets)).not.toContain('tsk_');

    expect(await run(`secrets retire acme/shop/web ${secrets[0]!['id']}`)).toMatchObject({ code: 0 });
    expect(await run(`secrets retire acme/shop/web ${added.id}`)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no live secret left: .*secrets add/),
    });
    expect(await run('secrets retire acme/shop/web nope')).toMatchObject({ code: 1 });
  });

  it('are none of a client that authenticates by its keys, and one that it had before can be retired', async () => {
    const job = (members: string): string =>
      tenantsFile(
        `  - { id: acme, projects: [{ id: shop, clients: [{ id: job, surfaces: [user], scopes: [], subjects: any, ${members} }] }] }\n`,
      );
    await installation.applied(job('status: active'));
    await installation.applied(job("policy: null, jwks_uri: 'https://job.example/keys'"));
    const before = await installation.fingerprint();
    expect(await run('secrets add acme/shop/job')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/no secret is accepted for it: write "policy: confidential" for it in the tenants/),
    });
    expect(await installation.fingerprint()).toEqual(before);
    const [old] = (await json('secrets list acme/shop/job')).secrets;
    expect(await run(`secrets retire acme/shop/job ${old!['id']}`)).toMatchObject({ code: 0 });
    expect((await run('secrets list acme/shop/job')).stdout).toBe(
      'acme/shop/job has no secret: it authenticates by its keys or as a workload.\n',
    );
  });

  it('expire later with --in', async () => {
    await json('secrets add acme/shop/web');
    const [old] = (await json('secrets list acme/shop/web')).secrets;
    expect(await run(`secrets retire acme/shop/web ${old!['id']} --in 24h`)).toMatchObject({ code: 0 });
    const [ending] = (await json('secrets list acme/shop/web')).secrets;
    expect(Date.parse(ending!['expires_at']!) - Date.now()).toBeGreaterThan(86_000_000);
  });

  it('have a last use', async () => {
    const controlPlane = createControlPlane(installation.config(), SILENT);
    const uses = new SecretUses(await controlPlane.repository(SecretUseEntity), SILENT);
    const [secret] = (await json('secrets list acme/shop/web')).secrets;
    uses.record(WEB.tenantId, WEB.projectId, WEB.clientId, secret!['id']!, Date.parse('2030-01-02T03:04:05Z'));
    await uses.close();
    await controlPlane.close();
    expect((await json('secrets list acme/shop/web')).secrets[0]!['last_used_at']).toBe('2030-01-02T03:04:05Z');
  });

  it('that is operator-provided is live: apply makes none, and it can be retired', async () => {
    const vault = new EmbeddedVault(installation.dataDirectory);
    const { version: stored } = (await vault.read(WEB_PATH))!;
    await vault.write(WEB_PATH, { secret_id: 'by-hand' }, stored);
    expect(await installation.applied(tenantsFile(ACME))).toEqual({ changes: [], secrets: [] });
    await json('secrets add acme/shop/web');
    const { secrets } = await json('secrets list acme/shop/web');
    expect(secrets[0]).toMatchObject({ id: 'hand-placed', created_at: null });
    expect(await run('secrets retire acme/shop/web hand-placed')).toMatchObject({ code: 0 });
    expect((await vault.read(WEB_PATH))!.data).not.toHaveProperty('secret_id');
  });

  it('are made again by apply if none is left', async () => {
    const vault = new EmbeddedVault(installation.dataDirectory);
    await vault.destroy(WEB_PATH);
    const { changes, secrets } = await installation.applied(tenantsFile(ACME));
    expect(changes).toEqual([{ action: 'create', kind: 'secret', id: 'acme/shop/web', fields: [] }]);
    const entry = await new ClientSecretStore(vault, new SystemClock()).read(WEB);
    expect(entry.generated[0]!.sha256).toEqual(new Secret(secrets[0]!.secret_id).sha256());
  });

  it('of an unknown client are refused with a list of the existing clients', async () => {
    expect(await run('secrets add acme/shop/app')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/no such client: use one of acme\/shop\/kiosk, acme\/shop\/web/),
    });
  });
});

describe('purge', () => {
  it('destroys what removed tenants and clients left, only with --yes', async () => {
    await installation.applied(tenantsFile(ACME, GLOBEX));
    const without = replaceEach(ACME, [/ {10}- \{ id: web.*\n/, ''], ['clients: [web]', 'clients: []']);
    await installation.applied(tenantsFile(without), '--prune', '--prune-tenants', '--yes');

    const before = await installation.fingerprint();
    expect(await json('purge --dry-run')).toEqual({ tenants: ['globex'], secrets: ['secret/acme/shop/web'] });
    expect(await run('purge')).toMatchObject({ code: 1, stderr: expect.stringMatching(/run: tessera purge --yes\n$/) });
    expect(await installation.fingerprint()).toEqual(before);

    expect(await run('purge --yes')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/destroyed: tenant globex/),
    });
    const files = Object.keys((await installation.fingerprint())!).filter((name) => /\.(sealed|sqlite)/.test(name));
    expect(files.join()).not.toMatch(/globex|web/);
    expect(await run('purge')).toMatchObject({ code: 0, stdout: 'Nothing is left to purge.\n' });

    const { changes, secrets } = await installation.applied(tenantsFile(ACME, GLOBEX));
    expect(changes).toContainEqual({ action: 'create', kind: 'key_ring', id: 'globex', fields: [] });
    expect(secrets).toHaveLength(2);
  });
});

describe('--help', () => {
  it.each(['frobnicate --help', 'frobnicate -h', 'keys frobnicate --help'])(
    'behind an unknown command is wrong use: %s',
    async (line) => {
      expect(await run(line)).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/has no command 'frobnicate'/),
      });
    },
  );

  it.each(['--help', 'apply --help', 'keys --help', 'keys list acme --help', 'tenant list -h'])(
    'behind a known one is printed: %s',
    async (line) => {
      expect(await run(line)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: tessera/) });
    },
  );
});
