import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { codeBlocks, readPage } from '../../support/fixtures/markdown.ts';
import { startOpenBaoTls } from '../../support/servers/openbao.ts';
import { type RunningRedis, startRedis } from '../../support/servers/redis.ts';
import { REPOSITORY, requireServer } from '../../support/servers/required-servers.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { replaceEach, replaceEvery, replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { askForToken } from '../../support/requests/generate-token.ts';

const run = promisify(execFile);
type Environment = Readonly<Record<string, string>>;

/** The README and deploy/, followed step by step on real servers. Only addresses are replaced. */
let folder: string;
let mariadb: RunningMariaDb;
let redis: RunningRedis;
let bao: Awaited<ReturnType<typeof startOpenBaoTls>>;
let servers: ServerProcess[] = [];

beforeAll(async () => {
  [mariadb, redis] = await Promise.all([startMariaDb(), startRedis()]);
});
afterAll(() => Promise.all([mariadb.close(), redis.close()]));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-deployment-'));
  // The same program by both names, found on PATH like an installed one.
  for (const name of ['vault', 'bao']) await symlink(requireServer('openbao'), join(folder, name));
  bao = await startOpenBaoTls();
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.end()));
  servers = [];
  await bao.close();
  await rm(folder, { recursive: true });
});

const CLI = `'${process.execPath}' '${builtProgram('cli')}'`;

async function shell(script: string, env: Environment): Promise<string> {
  const operator = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    BAO_ADDR: bao.address,
    BAO_CACERT: bao.authorityFile,
  };
  const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', `cd '${folder}'\n${script}`], {
    env: { ...operator, ...env },
  });
  return stdout;
}

/** The tenants file with this suite's database server. */
async function tenantsFile(database: string): Promise<string> {
  const file = join(folder, 'deploy-tenants.yaml');
  // One of the callers keeps the file's own name of the database.
  const text = replaceOnce(
    await readFile(join(REPOSITORY, 'deploy/tenants.yaml'), 'utf8'),
    'host: mariadb, port: 3306, name: t_acme',
    `host: 127.0.0.1, port: ${mariadb.port}, name: ${database}`,
  );
  expect(text).toContain(`host: 127.0.0.1, port: ${mariadb.port}, name: ${database}`);
  await writeFile(file, text);
  return file;
}

function statements(sql: string): string[] {
  return sql
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Two replicas issue tokens, and each accepts those of the other. */
async function assertTwoReplicasWork(settings: Environment, secret: string): Promise<void> {
  servers = await Promise.all([0, 1].map(() => startServer({ ...settings, LOG_LEVEL: 'info' }, folder)));
  const [one, other] = servers as [ServerProcess, ServerProcess];
  const answer = await askForToken(one.url, secret);
  expect(answer.status).toBe(200);
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const profile = await fetch(`${other.url}/auth/user/profile`, { headers: { authorization: `Bearer ${token}` } });
  expect(await profile.json()).toMatchObject({ tenant_id: 'acme', roles: ['manager'], groups: ['sales'] });
  expect((await fetch(`${other.url}/readyz`)).status).toBe(200);
}

describe('the README’s way to production', () => {
  const blocks = codeBlocks(readPage('README.md'));
  const blocksOf = (language: string, begins: string) =>
    blocks.filter(({ language: own, code }) => own === language && code.startsWith(begins)).map(({ code }) => code);

  it('leads from empty servers to a token', async () => {
    for (const sql of blocksOf('sql', 'CREATE DATABASE')) await mariadb.sql(...statements(sql));

    const root = { BAO_TOKEN: bao.rootToken };
    const [setUp = '', credentials = ''] = blocksOf('sh', 'vault ');
    const printed = await shell(replaceOnce(setUp, 'deploy/', `${REPOSITORY}/deploy/`), root);
    const [roleId = '', secretId = ''] = printed.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? [];
    await shell(credentials, root);

    const settings = {
      PUBLIC_URL: 'https://tokens.example.com',
      DATABASE_URL: `mysql://tessera:change-me@127.0.0.1:${mariadb.port}/tessera`,
      VAULT_ADDR: bao.address,
      VAULT_ROLE_ID: roleId,
      VAULT_SECRET_ID: secretId,
      REDIS_URL: redis.url,
      NODE_EXTRA_CA_CERTS: bao.authorityFile,
    };
    const [provision = ''] = blocksOf('sh', 'cp deploy/tenants.yaml ');
    const applied = await shell(
      replaceOnce(
        replaceEvery(
          replaceOnce(provision, 'deploy/tenants.yaml', await tenantsFile('t_acme')),
          'node dist/cli.js',
          CLI,
        ),
        // The server is started below, because it does not exit.
        'node dist/main.js',
        '',
      ),
      settings,
    );
    const secret = /^ {2}acme\/shop\/web {2}(tsk_\S+)$/m.exec(applied)?.[1];
    expect(secret).toBeDefined();
    await assertTwoReplicasWork(settings, secret!);
  });
});

describe('deploy/compose.yaml', () => {
  interface Compose {
    readonly services: Readonly<
      Record<string, { readonly command?: readonly string[]; readonly environment?: Environment }>
    >;
    readonly configs: Readonly<Record<string, { readonly content: string }>>;
  }
  const compose = parse(readPage('deploy/compose.yaml'), { merge: true }) as Compose;
  const chosen: Environment = {
    DATABASE_PASSWORD: 'a1',
    ACME_DATABASE_PASSWORD: 'b2',
    TESSERA_VAULT_TOKEN: 'c3c3c3c3c3c3c3c3',
  };
  /** As Compose interpolates it. */
  const filledIn = (text: string) =>
    text.replace(/\$\{([A-Z_]+)[^}]*\}/g, (_, name: string) => chosen[name] ?? '').replaceAll('$$', '$');

  it('sets up stores for its replicas, and can be run again', async () => {
    // Its own database, separate from the other test's.
    const sql = replaceEvery(
      replaceEvery(filledIn(compose.configs['tenant-database']!.content), 't_acme', 't_compose'),
      "'acme'@",
      "'compose'@",
    );
    await mariadb.sql(...statements(sql));
    await mariadb.createTenantDatabase('tessera_compose', 'tessera_compose', chosen['DATABASE_PASSWORD']);

    const setup = compose.services['openbao-setup']!;
    const script = replaceEach(
      filledIn(setup.command![0]!),
      ['/etc/tessera/', `${REPOSITORY}/deploy/`],
      ['username=acme', 'username=compose'],
    );
    const env = Object.fromEntries(Object.entries(setup.environment!).map(([name, text]) => [name, filledIn(text)]));
    for (let time = 1; time <= 2; time += 1)
      await shell(script, { ...env, BAO_ADDR: bao.address, BAO_TOKEN: bao.rootToken });

    const settings = {
      PUBLIC_URL: 'http://localhost:3000',
      DATABASE_URL: `mysql://tessera_compose:${chosen['DATABASE_PASSWORD']!}@127.0.0.1:${mariadb.port}/tessera_compose`,
      VAULT_ADDR: bao.address,
      VAULT_TOKEN: filledIn(compose.services['tessera-1']!.environment!['VAULT_TOKEN']!),
      REDIS_URL: redis.url,
      NODE_EXTRA_CA_CERTS: bao.authorityFile,
    };
    const applied = await shell(
      `${CLI} migrate > migrated.txt; ${CLI} migrate; ${CLI} apply -f - --output json < '${await tenantsFile('t_compose')}'`,
      settings,
    );
    expect(applied).toMatch(/^Every schema is current\.\n/);
    const { secrets } = JSON.parse(applied.slice(applied.indexOf('{'))) as { secrets: { secret_id: string }[] };
    await assertTwoReplicasWork(settings, secrets[0]!.secret_id);
  });
});
