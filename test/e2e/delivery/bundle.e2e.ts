import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { startServer } from '../../support/tessera/server-process.ts';

/** What `npm run build` makes. That it works is shown by every suite that starts a server or a command as a process. */
const DIST = join(REPOSITORY, 'dist');
let chunks: string[];
beforeAll(() => {
  builtProgram('main');
  chunks = readdirSync(join(DIST, 'chunks')).filter((name) => name.endsWith('.js'));
});

it('has a source map beside each program file, of files that exist and without their text', () => {
  const mapped = ['main.js', 'cli.js', ...chunks.map((name) => join('chunks', name))].flatMap((file) => {
    const map = JSON.parse(readFileSync(join(DIST, `${file}.map`), 'utf8')) as { sources: string[] };
    expect(map).not.toHaveProperty('sourcesContent');
    return map.sources.map((source) => resolve(DIST, dirname(file), source));
  });
  expect(mapped).toContain(join(REPOSITORY, 'src/cli.ts'));
  // Maps of packages name files of their authors, which look like files of Tessera.
  expect(mapped.filter((file) => !file.includes('unused:') && !existsSync(file))).toEqual([]);
});

it('logs the source and line of a fault in the bundle', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-bundle-'));
  // The operating system cannot be made to refuse this, so the process does.
  const fault = 'process.cpuUsage = () => { throw new RangeError("not for the log"); };';
  const server = await startServer(
    {
      TESSERA_DATA_DIR: join(folder, 'data'),
      LOG_LEVEL: 'info',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}`,
    },
    folder,
  );
  try {
    expect((await fetch(`${server.url}/metrics`)).status).toBe(500);
    const faults = () => /"fault":"RangeError < [^"]*?(src\/metrics\/metrics\.ts):(\d+)/.exec(server.output());
    await eventually('the fault is logged', () => faults() !== null);
    const [, file = '', line = ''] = faults() ?? [];
    expect(readFileSync(join(REPOSITORY, file), 'utf8').split('\n')[Number(line) - 1]).toContain('process.cpuUsage()');
    expect(server.output()).not.toContain('not for the log');
  } finally {
    await server.end();
    rmSync(folder, { recursive: true });
  }
});

it('keeps the licenses of the packages in it', () => {
  const licenses = readFileSync(join(DIST, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const name of ['@nestjs/core', 'fastify', 'typeorm', 'mysql2', 'class-validator', 'hashi-vault-js', 'undici'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: (MIT|Apache-2.0|BSD-3-Clause)$`, 'm'));
  expect(licenses).toContain('Permission is hereby granted');
  // It is not in the bundle, and so are packages that only tests use.
  expect(licenses).not.toMatch(/^(better-sqlite3|@nestjs\/microservices|jest) /m);
});

it('has no file of an earlier build', () => {
  const built = statSync(join(DIST, 'main.js')).mtimeMs;
  for (const name of chunks)
    expect(Math.abs(statSync(join(DIST, 'chunks', name)).mtimeMs - built)).toBeLessThan(60_000);
});

it('has TypeORM once', () => {
  // A second copy, from node_modules, would have its own entities and migrations.
  for (const name of chunks) expect(readFileSync(join(DIST, 'chunks', name), 'utf8')).not.toContain('("typeorm")');
});

it('has of its packages what the server uses', async () => {
  // A guard against a list that leaves out too much.
  const folder = mkdtempSync(join(tmpdir(), 'tessera-bundle-'));
  const server = await startServer({ TESSERA_DATA_DIR: join(folder, 'data') }, folder);
  try {
    const refused = await fetch(`${server.url}/auth/user/generateToken`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: 'Web', email_id: 'no address', project_id: 'shop', tenant_id: 'acme' }),
    });
    // By class-validator.
    expect(await refused.json()).toMatchObject({
      status: 400,
      detail:
        'client_id must be 1 to 64 characters of a-z, 0-9, _ and -, the first a letter or digit; email_id must be an ASCII e-mail address without spaces.',
    });
    for (const page of ['docs/', 'docs/swagger-ui.css', 'docs-json', 'healthz', 'readyz'])
      expect([page, (await fetch(`${server.url}/${page}`)).status]).toEqual([page, 200]);
  } finally {
    await server.end();
    rmSync(folder, { recursive: true });
  }
});

it('leaves out what nobody uses', () => {
  const licenses = readFileSync(join(DIST, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  // class-validator's check of telephone numbers.
  expect(licenses).not.toMatch(/^libphonenumber-js /m);
});
