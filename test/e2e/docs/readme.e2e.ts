import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeBlocks, readPage, section } from '../../support/fixtures/markdown.ts';
import { freePort } from '../../support/servers/process.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { askForToken } from '../../support/requests/generate-token.ts';

const run = promisify(execFile);

/** The sections that scripts/follow-readme.mjs follows. Their blocks build on each other. */
const FOLLOWED = ['## A token', '## A token for a service', '## A second tenant', '## A protected Nest service'];

/** Blocks that this suite cannot run, by their beginning, with what they need. Every other shell block of README.md and docs/api.md is run as it is. */
const NOT_HERE: readonly (readonly [begins: string, needs: string])[] = [
  ['npm ci ', 'a clean copy of the repository: .ci/run, and scripts/follow-readme.mjs without --reuse'],
  ['vault ', 'Vault: test/integration/deployment.int.ts'],
  ['cp deploy/tenants.yaml ', 'databases and Vault: test/integration/deployment.int.ts'],
  ['curl -sS http://localhost:3000/auth/user/oidcToken ', 'an identity provider'],
  ['curl -sS http://localhost:3000/auth/admin/oidcToken ', 'an identity provider'],
  ['curl -sS http://localhost:3000/tenants/acme/token -u "shop%2Fweb:', 'an identity provider'],
  ['useradd ', 'root and systemd'],
  ['systemd-run ', 'root and systemd'],
  ['export DATABASE_PASSWORD=', 'Docker'],
];

const CLI = `'${process.execPath}' '${builtProgram('cli')}'`;

let folder: string;
let server: ServerProcess;
let secret: string;
let token: string;
/** Those of the service of examples/acme.yaml. */
let billingSecret: string;
let billingToken: string;
let baseUrl: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-readme-'));
  const port = await freePort();
  const settings = {
    TESSERA_DATA_DIR: join(folder, 'data'),
    PUBLIC_URL: `http://localhost:${port}`,
    LOG_LEVEL: 'info',
  };
  const { stdout } = await bash(
    `cd '${folder}' && ${CLI} apply -f '${REPOSITORY}/examples/acme.yaml' --output json`,
    settings,
  );
  const { secrets } = JSON.parse(stdout) as { secrets: { client_id: string; secret_id: string }[] };
  const secretOf = (client: string) => secrets.find(({ client_id: id }) => id === client)!.secret_id;
  [secret, billingSecret] = [secretOf('web'), secretOf('billing')];
  server = await startServer({ ...settings, PORT: String(port) }, folder);
  const answer = await askForToken(settings.PUBLIC_URL, secret);
  token = ((await answer.json()) as { access_token: string }).access_token;
  const own = await fetch(`${settings.PUBLIC_URL}/tenants/acme/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'shop/billing',
      client_secret: billingSecret,
    }),
  });
  billingToken = ((await own.json()) as { access_token: string }).access_token;
  baseUrl = settings.PUBLIC_URL;
});

afterAll(async () => {
  await server.end();
  await rm(folder, { recursive: true });
});

function bash(script: string, env: Readonly<Record<string, string>> = {}) {
  return run('bash', ['--norc', '-euo', 'pipefail', '-c', script], { env: { PATH: process.env['PATH'], ...env } });
}

/** A block with the port and the secret of this suite's server. */
function here(code: string): string {
  return code
    .replace("SECRET='tsk_…'", `SECRET='${secret}'`)
    .replaceAll(/http:\/\/(localhost|127\.0\.0\.1):3000/g, baseUrl)
    .replaceAll('node dist/cli.js', CLI);
}

function shellBlocks(page: string): string[] {
  const text = readPage(page);
  const rest =
    page === 'README.md' ? FOLLOWED.reduce((left, heading) => left.replace(section(text, heading), ''), text) : text;
  return codeBlocks(rest)
    .filter(({ language }) => language === 'sh')
    .map(({ code }) => code);
}

const needs = (code: string) => NOT_HERE.find(([begins]) => code.startsWith(begins))?.[1];
const ALL = [...shellBlocks('README.md'), ...shellBlocks('docs/api.md')];
const runnable = ALL.filter((code) => needs(code) === undefined);

describe('the first hour', () => {
  it('goes as the README says: a token, a second tenant, a protected service', async () => {
    const { stdout } = await run(process.execPath, [join(REPOSITORY, 'scripts/follow-readme.mjs'), '--reuse']);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => `## ${line.split(':')[0]!}`),
    ).toEqual(FOLLOWED);
  }, 600_000);
});

describe('shell blocks', () => {
  it('exist in README.md and docs/api.md', () => {
    expect(runnable.length).toBeGreaterThan(10);
  });

  const curl = existsSync('/usr/bin/curl') ? it : it.skip;
  curl.each(runnable.map((code) => [code.split('\n', 1)[0], code]))('%s (curl)', async (_firstLine, code = '') => {
    const { stdout } = await bash(`cd '${folder}'\n${here(code)}`, {
      SECRET: secret,
      TOKEN: token,
      BILLING_SECRET: billingSecret,
      BILLING_TOKEN: billingToken,
    });
    // This endpoint is shown with the user's token, which it refuses.
    if (code.includes('/admin/verifyToken')) expect(JSON.parse(stdout)).toMatchObject({ error: 'unauthorized' });
    else expect(stdout).not.toContain('urn:tessera:error');
    if (code.includes('/generateToken') && !code.includes('/profile'))
      expect(JSON.parse(stdout)).toEqual({ access_token: expect.any(String), expires_in: 600, token_type: 'Bearer' });
    if (code.includes('/tenants/acme/token'))
      expect(JSON.parse(stdout)).toMatchObject({ access_token: expect.any(String), scope: 'orders:read' });
    if (code.includes('/user/profile')) expect(JSON.parse(stdout)).toMatchObject({ roles: ['manager'] });
    if (code.includes('config check')) expect(stdout).toContain('The configuration is valid.');
  });

  it('that are not run here have valid syntax, and name existing programs and files', async () => {
    const scripts = Object.keys((JSON.parse(readPage('package.json')) as { scripts: object }).scripts);
    for (const code of [...ALL, ...shellBlocks('docs/operation.md')].filter((block) => needs(block) !== undefined)) {
      await run('bash', ['-n', '-c', code]);
      for (const [, script = ''] of code.matchAll(/npm run ([\w:-]+)/g)) expect(scripts).toContain(script);
      for (const [path] of code.matchAll(/\bdeploy\/[\w./-]+/g)) expect(existsSync(join(REPOSITORY, path))).toBe(true);
      for (const [, program = ''] of code.matchAll(/dist\/(\w+)\.js/g))
        expect(existsSync(join(REPOSITORY, `src/${program}.ts`))).toBe(true);
    }
  });

  it('of README.md need nothing that no test has', () => {
    expect(shellBlocks('README.md').filter((code) => /systemd|Docker/.test(needs(code) ?? ''))).toEqual([]);
  });

  it('has no exception for a missing block', () => {
    const blocks = [...ALL, ...shellBlocks('docs/operation.md')];
    expect(NOT_HERE.filter(([begins]) => !blocks.some((code) => code.startsWith(begins)))).toEqual([]);
  });
});

describe('checking a token in another service', () => {
  const block = (language: string) => {
    const found = codeBlocks(readPage('README.md')).find((candidate) => candidate.language === language);
    if (found === undefined) throw new Error(`README.md has no block of ${language}`);
    return found.code;
  };

  it('works in Node.js with jose as the README shows it', async () => {
    const program = `const token = process.env.TOKEN;\n${here(block('js'))}\nconsole.log(payload.sub);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: REPOSITORY,
      env: { PATH: process.env['PATH'], TOKEN: token },
    });
    expect(stdout).toBe('u-ada\n');
  });

  const python = pythonWithJwt();
  (python === undefined ? it.skip : it)(
    'works in Python with PyJWT as the README shows it (PyJWT[crypto])',
    async () => {
      const program = `import os\ntoken = os.environ["TOKEN"]\n${here(block('python'))}\nprint(claims["sub"])`;
      const { stdout } = await run(python!, ['-c', program], { env: { PATH: process.env['PATH'], TOKEN: token } });
      expect(stdout).toBe('u-ada\n');
    },
  );
});

function pythonWithJwt(): string | undefined {
  return [process.env['TESSERA_TEST_PYTHON'] ?? '', join(REPOSITORY, '.cache/pyjwt/bin/python'), 'python3'].find(
    (program) => {
      try {
        execFileSync(program, ['-c', 'import jwt, cryptography'], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    },
  );
}
