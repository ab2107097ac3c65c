import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, watch } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withReadOnly } from '../../../src/cli/installation.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { ACME, tenantsFile } from './files.ts';
import { type CliResult, TestInstallation } from './installation.ts';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make({ TESSERA_DATA_DIR: 'data', LOG_LEVEL: 'error' });
});
afterEach(() => installation.remove());

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], ...installation.env };
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [builtProgram('cli'), ...args], { cwd: installation.folder, env: environment() });
}

async function finish(child: ChildProcess, stdin: string): Promise<CliResult> {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', (text: string) => (written[name] += text));
  child.stdin!.end(stdin);
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...written };
}

/** Some tenants, each with users, keys and secrets. Each round changes all of them. */
function manyTenants(count: number, round: number): string {
  const tenant = (id: string): string => `  - id: ${id}
    name: Round ${round}
    database: { driver: sqlite }
    projects: [{ id: app, clients: [{ id: c${round}, surfaces: [user], scopes: unbounded, subjects: any }] }]
    roles: [{ name: r${round}, scopes: [] }]
    users: [{ id: u${round}, email: u${round}@x.example, roles: [r${round}] }]
`;
  return tenantsFile(...Array.from({ length: count }, (_, index) => tenant(`t${index}`)));
}

describe('the program', () => {
  it('fails when the secrets that it shows once could not be written', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [builtProgram('cli'), 'apply', '-f', '-'], {
      cwd: installation.folder,
      env: environment(),
      stdio: ['pipe', full, 'pipe'],
    });
    closeSync(full);
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stdin!.end(tenantsFile(ACME));
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(said).toMatch(/^The output could not be written\. .*`tessera secrets add`/);
  });

  it('ends with 0, 1 or 2, and prints JSON alone to standard output', async () => {
    const done = await finish(start(['apply', '-f', '-', '--output', 'json']), tenantsFile(ACME));
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({ secrets: [{ client_id: 'web' }] });
    const refused = await finish(start(['apply', '-f', '-']), 'tenants: 1');
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^<stdin>:1:1: .*\n<stdin>:1:10: /),
    });
    expect(refused.stderr).not.toMatch(/\n\s+at /);
    expect(await finish(start(['apply']), '')).toMatchObject({ code: 2, stdout: '' });
  });

  it('reports a full disk for the copy that it reads, and the name of a damaged file', async () => {
    await installation.applied(tenantsFile(ACME));
    const roomless = spawn(process.execPath, [builtProgram('cli'), 'export'], {
      cwd: installation.folder,
      // The TypeScript loader keeps its files below HOME.
      env: { ...environment(), HOME: homedir(), TMPDIR: join(installation.folder, 'missing') },
    });
    expect(await finish(roomless, '')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^There is no space in \S+\/missing for a copy of control\.sqlite .* TMPDIR /),
    });
    await writeFile(join(installation.dataDirectory, 'tenants', 'acme.sqlite'), randomBytes(8192));
    expect((await installation.run(['export'])).stderr).toMatch(
      /: Tenant database: damaged \(tenant acme\)\. Restore the tenant's file /,
    );
    await writeFile(join(installation.dataDirectory, 'control.sqlite'), randomBytes(8192));
    expect((await installation.run(['revoke', '--tenant', 'acme'])).stderr).toMatch(
      /^Control database: damaged\. Restore control\.sqlite /,
    );
  });

  it('waits for another apply, and both are done', async () => {
    const text = manyTenants(5, 0);
    const results = await Promise.all([0, 1].map(() => finish(start(['apply', '-f', '-', '-o', 'json']), text)));
    expect(results.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(['0', '0']);
    const changed = results.map(({ stdout }) => JSON.parse(stdout).secrets.length as number);
    expect(changed.sort()).toEqual([0, 5]);
  });
});

describe('kill -9 during apply', () => {
  const TENANTS = 12;
  const ROUNDS = 6;

  it('leaves no incomplete tenant visible, and the next apply completes the work', async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const child = start(['apply', '-f', '-', '--prune', '-o', 'json']);
      const ended = finish(child, manyTenants(TENANTS, round));
      await untilItWrites(child);
      await delay(Math.random() * 500);
      child.kill('SIGKILL');
      await ended;
      await assertNoHalfTenant();
    }
    const last = manyTenants(TENANTS, ROUNDS);
    await installation.applied(last, '--prune');
    expect(await installation.applied(last, '--prune')).toEqual({ changes: [], secrets: [] });
    expect(await assertNoHalfTenant()).toBe(TENANTS);
  });

  /** The first written file of a tenant shows that reading is over. */
  async function untilItWrites(child: ChildProcess): Promise<void> {
    const folder = `${installation.dataDirectory}/tenants`;
    while (!existsSync(folder) && child.exitCode === null) await delay(5);
    const watching = new AbortController();
    const ended = once(child, 'close', { signal: watching.signal });
    const written = once(watch(folder, { signal: watching.signal }), 'change', { signal: watching.signal });
    await Promise.race([ended, written]);
    for (const waiting of [ended, written]) waiting.catch(() => undefined);
    watching.abort();
  }

  /** Every visible tenant can issue tokens: its directory, its key ring and its clients' secrets exist. */
  async function assertNoHalfTenant(): Promise<number> {
    return withReadOnly(installation.config(), async (stores) => {
      const states = await stores.controlPlane.readTenants();
      for (const { tenant } of states) {
        const directory = await stores.directories.openForReading(tenant);
        expect((await directory!.read()).users).toHaveLength(1);
        await directory!.close();
        expect((await stores.keyRings.read(tenant.id))!.ring.keys).toHaveLength(1);
        for (const project of tenant.projects.values())
          for (const client of project.clients.values()) {
            const name = { tenantId: tenant.id, projectId: project.id, clientId: client.id };
            expect(await stores.clientSecrets.hasLiveSecret(name)).toBe(true);
          }
      }
      return states.length;
    });
  }
});
