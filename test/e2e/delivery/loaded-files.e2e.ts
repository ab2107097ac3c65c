import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { firstToken } from '../../support/tessera/first-token.ts';
import { runProgram } from '../../support/tessera/run-program.ts';
import { startServer } from '../../support/tessera/server-process.ts';

/**
 * What a server on the embedded stores loads until its first token. A static import of one package too many costs every start, and nothing else
 * shows it. A new dependency needs a row in one of the two lists.
 */
const LOADED = [
  '@fastify/static',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/jwt',
  '@nestjs/passport',
  '@nestjs/platform-fastify',
  '@nestjs/swagger',
  '@nestjs/typeorm',
  '@opentelemetry/api',
  '@tessera/token',
  'better-sqlite3',
  'class-validator',
  'fastify',
  'lru-cache',
  'passport',
  'passport-jwt',
  'pino',
  'prom-client',
  'reflect-metadata',
  'rxjs',
  'typeorm',
];
const LOADED_WHEN_NEEDED = [
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-node',
  'commander',
  'hashi-vault-js',
  'ioredis',
  'mysql2',
  'undici',
  'yaml',
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-loaded-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The sources and packages of each file that the process has evaluated, relative to the repository. */
async function loadedUntilFirstToken(): Promise<readonly string[]> {
  const coverage = join(folder, 'coverage');
  const env = { TESSERA_DATA_DIR: join(folder, 'data') };
  const file = join(REPOSITORY, 'examples/acme.yaml');
  const applied = await runProgram('cli', ['apply', '-f', file, '--output', 'json'], { folder, env });
  const server = await startServer({ ...env, NODE_V8_COVERAGE: coverage }, folder);
  try {
    await firstToken(server.url, applied);
  } finally {
    // Node.js writes the list of all scripts when it exits.
    await server.end();
  }
  const reports = readdirSync(coverage).map((name) => JSON.parse(readFileSync(join(coverage, name), 'utf8')) as Report);
  const urls = reports.flatMap(({ result }) => result.map(({ url }) => url));
  return urls.filter((url) => url.startsWith('file:')).flatMap((url) => sourcesOf(fileURLToPath(url)));
}

interface Report {
  readonly result: readonly { readonly url: string }[];
}

/** A file of the bundle is many sources; its map names them. */
function sourcesOf(file: string): string[] {
  if (!file.startsWith(join(REPOSITORY, 'dist/'))) return [relative(REPOSITORY, file)];
  const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] };
  return sources.map((source) => relative(REPOSITORY, resolve(dirname(file), source)));
}

function packageOf(source: string): string | undefined {
  // The innermost of nested packages. The library is linked, and so has another path.
  if (source.startsWith('libs/token/')) return '@tessera/token';
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1];
}

it('loads until the first token what it needs, and nothing that only an option or another caller needs', async () => {
  const sources = await loadedUntilFirstToken();
  // It saw something: the sources of the server itself.
  expect(sources).toEqual(expect.arrayContaining(['src/main.ts', 'src/metrics/metrics.ts']));
  const packages = new Set(sources.map(packageOf));
  const { dependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const direct = Object.keys(dependencies).sort();
  expect(direct.filter((name) => packages.has(name))).toEqual(LOADED);
  expect(direct.filter((name) => !packages.has(name))).toEqual(LOADED_WHEN_NEEDED);
  // Of the command line.
  expect(sources.filter((source) => /^src\/(cli|provisioning)\//.test(source))).toEqual([]);
});
