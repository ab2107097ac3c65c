import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';

/** What `npm run build` makes. That it works is shown by every suite that starts a server or a command as a process. */
const DIST = join(REPOSITORY, 'dist');
let chunks: string[];
beforeAll(() => {
  builtProgram('main');
  chunks = readdirSync(join(DIST, 'chunks')).filter((name) => name.endsWith('.js'));
});

it('has a source map beside each program file, of the sources and without their text', () => {
  for (const file of ['main.js', 'cli.js', ...chunks.map((name) => join('chunks', name))]) {
    const map = JSON.parse(readFileSync(join(DIST, `${file}.map`), 'utf8')) as Record<string, unknown>;
    expect(map).not.toHaveProperty('sourcesContent');
  }
  const { sources } = JSON.parse(readFileSync(join(DIST, 'cli.js.map'), 'utf8')) as { sources: string[] };
  expect(sources).toContain('../src/cli.ts');
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
