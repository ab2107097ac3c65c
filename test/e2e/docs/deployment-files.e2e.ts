import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load-config.ts';
import { SETTINGS } from '../../../src/config/settings.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { findServer, REPOSITORY, SERVERS } from '../../support/servers/required-servers.ts';

const run = promisify(execFile);

interface Service {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: unknown;
  readonly restart?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

/** Read by Node.js or by npm packages, not by Tessera. */
const NOT_OURS = new Set(['NODE_ENV']);

function unknownSettings(names: readonly string[]): string[] {
  return names.filter((name) => !Object.hasOwn(SETTINGS, name) && !NOT_OURS.has(name));
}

/** Replaces `${NAME}`, `${NAME:-default}` and `${NAME:?message}` like Compose; `$$` is a dollar. */
function interpolated(text: string): string {
  return text
    .replace(/\$\{([A-Z_]+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_, name: string, fallback?: string) => fallback ?? `a-${name}`)
    .replaceAll('$$', '$');
}

const compose = parse(readPage('deploy/compose.yaml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);

describe('deploy/Dockerfile', () => {
  const dockerfile = readPage('deploy/Dockerfile');

  it('sets no environment but settings of the table', () => {
    const [, block = ''] = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile) ?? [];
    const names = [...block.matchAll(/(\w+)=/g)].map(([, name = '']) => name);
    expect(names).toContain('TESSERA_DATA_DIR');
    expect(unknownSettings(names)).toEqual([]);
  });

  it('copies existing files, none of which its ignore file excludes', () => {
    const [, ...allowed] = readPage('deploy/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('*') || line.startsWith('!'));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    for (const path of copied) {
      expect(existsSync(join(REPOSITORY, path))).toBe(true);
      expect(allowed.filter((line) => line === `!${path}` || line === `!${path.split('/', 1)[0]!}`)).toHaveLength(1);
    }
  });

  it('runs as a user who is not root', () => {
    expect(dockerfile.match(/^USER .*$/gm)?.at(-1)).toMatch(/^USER [1-9]\d*:[1-9]\d*$/);
  });

  const hadolint = findServer('hadolint');
  (hadolint === undefined ? it.skip : it)(`passes hadolint (${SERVERS.hadolint.package})`, async () => {
    const { stdout } = await run(hadolint!, [join(REPOSITORY, 'deploy/Dockerfile')]);
    expect(stdout).toBe('');
  });
});

describe('deploy/compose.yaml', () => {
  it.each(ours)('gives %s a configuration that a start accepts', (_name, { environment = {} }) => {
    const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, interpolated(value)]));
    expect(unknownSettings(Object.keys(env))).toEqual([]);
    expect(loadConfig(env, { cwd: tmpdir() })).toMatchObject({
      controlDatabase: { driver: 'mysql', host: 'mariadb' },
      vault: { kind: 'vault', address: 'http://openbao:8200' },
    });
  });

  it('waits only for existing services, with a condition that they can meet', () => {
    for (const [, { depends_on = {} }] of services)
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const other = compose.services[name];
        expect([name, other === undefined]).toEqual([name, false]);
        if (condition === 'service_healthy') expect([name, other!.healthcheck]).not.toEqual([name, undefined]);
        else expect([name, condition, other!.restart]).toEqual([name, 'service_completed_successfully', undefined]);
      }
  });

  it('reaches only hosts that are services', () => {
    for (const [, { environment = {} }] of services)
      for (const value of Object.values(environment)) {
        const host = /^\w+:\/\/(?:[^@]*@)?([^:/]+)/.exec(interpolated(value))?.[1];
        if (host !== undefined && host !== 'localhost') expect(Object.keys(compose.services)).toContain(host);
      }
  });

  it('mounts only volumes, configs and files that exist', () => {
    for (const [, { volumes = [], configs = [] }] of services) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(join(REPOSITORY, 'deploy', source))).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
      for (const { source } of configs) expect(Object.keys(compose.configs)).toContain(source);
    }
  });

  it('builds from the Dockerfile, and runs programs of the build', () => {
    for (const [, { build, command = [] }] of ours) {
      expect(build).toEqual({ context: '..', dockerfile: 'deploy/Dockerfile' });
      const program = /^dist\/(.+)\.js$/.exec(command[0] ?? '')?.[1];
      if (program !== undefined) expect(existsSync(join(REPOSITORY, `src/${program}.ts`))).toBe(true);
    }
  });

  it('has no secret in it', () => {
    for (const [, { environment = {} }] of services)
      for (const [name, value] of Object.entries(environment))
        if (/PASSWORD|TOKEN|SECRET/.test(name) && name !== 'MARIADB_RANDOM_ROOT_PASSWORD')
          expect(value).toMatch(/^\$\{[A-Z_]+:\?choose one\}$/);
  });
});

describe('deploy/tessera.env', () => {
  it('is a configuration that a start accepts', () => {
    expect(
      loadConfig(parseEnv(readPage('deploy/tessera.env')) as Record<string, string>, { cwd: tmpdir() }),
    ).toMatchObject({ controlDatabase: { driver: 'mysql' }, vault: { kind: 'vault', auth: { method: 'approle' } } });
  });
});

describe('deploy/tessera.service', () => {
  const unit = readPage('deploy/tessera.service');

  it('sets no environment but settings of the table', () => {
    const names = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, pairs = '']) =>
      pairs.split(' ').map((pair) => pair.split('=', 1)[0]!),
    );
    expect(names).toContain('TESSERA_DATA_DIR');
    expect(unknownSettings(names)).toEqual([]);
  });

  it('allows more time to stop than requests in flight may take', () => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(15);
  });

  it('runs one process per port with the drop-in beside it', () => {
    const [reset, start] = readPage('deploy/one-per-core.conf').match(/^ExecStart=.*$/gm) ?? [];
    expect(reset).toBe('ExecStart=');
    const own = /^ExecStart=(.*)$/m.exec(unit)?.[1];
    expect(start).toBe(`ExecStart=/usr/bin/env PORT=%i ${own}`);
  });

  const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find(existsSync);
  const kinds = [
    ['tessera.service', undefined],
    ['tessera@3001.service', 'deploy/one-per-core.conf'],
  ] as const;
  (analyze === undefined ? it.skip.each(kinds) : it.each(kinds))(
    'passes systemd-analyze verify as %s (systemd)',
    async (name, dropIn) => {
      const folder = await mkdtemp(join(tmpdir(), 'tessera-unit-'));
      try {
        const file = join(folder, name);
        if (dropIn !== undefined) {
          await mkdir(`${file}.d`);
          await writeFile(join(`${file}.d`, 'one.conf'), readPage(dropIn).replace('/usr/bin/node', process.execPath));
        }
        // The program must be where the unit says. On this machine Node.js may be elsewhere.
        await writeFile(file, unit.replace('/usr/bin/node', process.execPath));
        const { stdout, stderr } = await run(analyze!, ['verify', '--man=no', '--recursive-errors=no', file]);
        expect(`${stdout}${stderr}`).toBe('');
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
