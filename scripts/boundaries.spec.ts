import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

/** Every rule of .dependency-cruiser.cjs against imports that it must refuse, in a tree of their own. */
const REPOSITORY = join(import.meta.dirname, '..');
const CONFIG = join(REPOSITORY, '.dependency-cruiser.cjs');
const require = createRequire(import.meta.url);
const RULES = (require(CONFIG) as { forbidden: { name: string }[] }).forbidden.map(({ name }) => name);
const UPWARD = '-imports-no-room-above';
/** From the ground up; the last one is below no other room. */
const ROOMS = [
  ...RULES.filter((rule) => rule.endsWith(UPWARD)).map((rule) => rule.slice(0, -UPWARD.length)),
  'token-grants',
];
const SURFACES = ['admin-auth', 'user-auth', 'token-endpoint', 'provisioning'];

interface Plant {
  readonly file: string;
  /** A file of the tree, or a package. */
  readonly imports: string;
  /** What is imported; default: everything, for its effects. */
  readonly names?: string;
}

const target = (room: string) => `src/${room}/target.ts`;
const packagePlants = (imports: string, ...files: readonly string[]): Plant[] =>
  files.map((file) => ({ file, imports }));

/** A cycle is reported once, at one of its files. */
const CYCLE = ['src/errors/plant-cycle.ts', 'src/errors/plant-cycle-back.ts'] as const;

const PLANTS: Readonly<Record<string, readonly Plant[]>> = {
  ...Object.fromEntries(
    ROOMS.slice(0, -1).map((room, index) => [
      room + UPWARD,
      [...ROOMS.slice(index + 1), ...SURFACES, 'cli'].map((above) => ({
        file: `src/${room}/plant-${above}.ts`,
        imports: target(above),
      })),
    ]),
  ),
  ...Object.fromEntries(
    SURFACES.map((surface) => [
      `${surface}-stands-alone`,
      [...SURFACES.filter((other) => other !== surface), 'cli'].map((other) => ({
        file: `src/${surface}/plant-${other}.ts`,
        imports: target(other),
      })),
    ]),
  ),
  'no-cycles': [{ file: CYCLE[1], imports: CYCLE[0] }],
  'http-is-on-top': [...ROOMS, 'provisioning'].map((room) => ({
    file: `src/${room}/plant-http.ts`,
    imports: target('http'),
  })),
  'http-knows-no-tenant': ['tenancy', 'keys', 'issuing', 'clients', 'verification', 'token-grants', 'cli'].map(
    (room) => ({
      file: `src/http/plant-${room}.ts`,
      imports: target(room),
    }),
  ),
  'authorization-decisions-are-made-by-authorize': [
    'verification',
    'token-grants',
    'issuing',
    'provisioning',
    'cli',
  ].map((room) => ({
    file: `src/${room}/plant-decision.ts`,
    imports: 'src/issuing/authorization-decision.ts',
    names: '{ sealAuthorizationDecision }',
  })),
  'grants-leave-limit-and-record-to-the-pipeline': ['audit', 'rate-limit', 'replay', 'issuing'].map((room) => ({
    file: `src/token-grants/grants/plant-${room}.ts`,
    imports: target(room),
  })),
  'hashi-vault-js-in-vault': [
    ...packagePlants('hashi-vault-js', 'src/vault/plant-vault.ts', 'src/provisioning/plant-vault.ts'),
    ...packagePlants('axios', 'src/vault/kv/plant-axios.ts', 'src/provisioning/plant-axios.ts'),
  ],
  'undici-in-egress': packagePlants('undici', 'src/identity-providers/plant.ts', 'src/keys/plant-undici.ts'),
  'drivers-in-database': [
    ...packagePlants('mysql2', 'src/provisioning/plant-mysql2.ts', 'src/directory/plant-mysql2.ts'),
    ...packagePlants('mysql2/promise', 'src/provisioning/apply/plant-mysql2.ts'),
    ...packagePlants('better-sqlite3', 'src/control-plane/plant-sqlite.ts', 'src/provisioning/plant-sqlite.ts'),
  ],
  'typeorm-in-storage': [
    ...packagePlants('typeorm', 'src/provisioning/plan/plant-typeorm.ts', 'src/provisioning/apply/plant-typeorm.ts'),
    ...packagePlants('typeorm', 'src/verification/plant-typeorm.ts', 'src/http/plant-typeorm.ts'),
    ...packagePlants(
      '@nestjs/typeorm',
      'src/keys/plant-nest-typeorm.ts',
      'src/provisioning/plan/plant-nest-typeorm.ts',
    ),
  ],
  'redis-in-rate-limit': packagePlants('ioredis', 'src/replay/plant.ts', 'src/http/plant-redis.ts'),
  'jwt-service-in-second-opinion': [
    ...packagePlants(
      '@nestjs/jwt',
      'src/issuing/plant-jwt.ts',
      'src/keys/plant-jwt.ts',
      'src/verification/plant-jwt.ts',
    ),
    ...packagePlants('@nestjs/jwt', 'src/admin-auth/plant-jwt.module.ts'),
    ...packagePlants('jsonwebtoken', 'src/keys/plant-jsonwebtoken.ts', 'src/cli/plant-jsonwebtoken.ts'),
  ],
  'passport-in-second-implementation': [
    ...packagePlants('@nestjs/passport', 'src/verification/plant-nest-passport.ts', 'src/user-auth/plant.guard.ts'),
    ...packagePlants('passport', 'src/verification/plant-passport.ts', 'src/admin-auth/plant.strategy.ts'),
    ...packagePlants('passport-jwt', 'src/http/plant-passport-jwt.ts', 'src/token-grants/plant-passport-jwt.ts'),
  ],
  'class-validator-in-generate-token': packagePlants(
    'class-validator',
    'src/verification/plant.dto.ts',
    'src/token-grants/grants/oidc-exchange/plant.dto.ts',
  ),
  'pino-in-logging': packagePlants('pino', 'src/http/plant-pino.ts', 'src/cli/plant-pino.ts'),
  'prometheus-in-metrics': packagePlants('prom-client', 'src/health/plant.ts'),
  'telemetry-in-tracing': packagePlants('@opentelemetry/api', 'src/vault/plant.ts', 'src/http/plant-telemetry.ts'),
  'commander-in-cli': packagePlants('commander', 'src/provisioning/plant-commander.ts'),
  'yaml-in-the-tenants-file': packagePlants('yaml', 'src/config/plant.ts', 'src/provisioning/plan/plant-yaml.ts'),
  'token-library-needs-node-crypto-only': [
    ...packagePlants('undici', 'libs/token/src/plant-undici.ts'),
    ...packagePlants('node:fs', 'libs/token/src/plant-fs.ts'),
    { file: 'libs/token/src/plant-client.ts', imports: 'libs/client/src/target.ts' },
  ],
  'libraries-do-not-see-the-service': [
    { file: 'libs/client/src/plant-service.ts', imports: target('errors') },
    { file: 'libs/client/src/plant-test.ts', imports: 'test/target.ts' },
  ],
  'sources-do-not-import-tests': [
    { file: 'src/errors/plant-test.ts', imports: 'test/target.ts' },
    { file: 'src/errors/plant.spec.ts', imports: 'test/target.ts' },
  ],
  'programs-do-not-import-fixtures': [
    { file: 'src/errors/plant-fixture.ts', imports: 'src/testing/target.ts' },
    { file: 'src/cli/plant-fixture.ts', imports: 'libs/token/test/target.ts' },
  ],
};

/** What the rules leave alone, so that a rule that refuses everything is seen too. */
const ALLOWED: readonly Plant[] = [
  ...ROOMS.slice(1).map((room) => ({ file: `src/${room}/allowed-below.ts`, imports: target('errors') })),
  { file: 'src/token-grants/authorize.ts', imports: 'src/issuing/authorization-decision.ts' },
  {
    file: 'src/verification/allowed.ts',
    imports: 'src/issuing/authorization-decision.ts',
    names: 'type { AuthorizationDecision }',
  },
  { file: 'src/keys/allowed.controller.ts', imports: target('http') },
  { file: 'src/errors/allowed.module.ts', imports: target('token-grants') },
  { file: 'src/errors/allowed.spec.ts', imports: 'src/testing/target.ts' },
  ...packagePlants('hashi-vault-js', 'src/vault/kv/vault-client.ts'),
  ...packagePlants('mysql2', 'src/database/mysql/allowed.ts'),
  ...packagePlants('typeorm', 'src/tenancy/allowed.ts'),
  ...packagePlants('@nestjs/jwt', 'src/keys/second-opinion.ts'),
  ...packagePlants('passport', 'src/verification/second-implementation/allowed.ts'),
  ...packagePlants('node:crypto', 'libs/token/src/allowed.ts'),
];

let tree: string;
let broken: ReadonlyMap<string, ReadonlySet<string>>;
beforeAll(async () => {
  tree = mkdtempSync(join(tmpdir(), 'tessera-boundaries-'));
  for (const file of ['tsconfig.json', 'tsconfig.base.json']) cpSync(join(REPOSITORY, file), join(tree, file));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(tree, 'node_modules'));
  const plants = [...Object.values(PLANTS).flat(), ...ALLOWED, { file: CYCLE[0], imports: CYCLE[1] }];
  for (const { imports } of plants)
    if (/^(src|libs|test)\//.test(imports)) write(imports, 'export const target = 1;\n');
  for (const { file, imports, names } of plants) {
    const path = /^(src|libs|test)\//.test(imports)
      ? relative(dirname(file), imports).replace(/^(?!\.)/, './')
      : imports;
    write(file, `import ${names === undefined ? '' : `${names} from `}'${path}';\nexport const planted = 1;\n`);
  }
  broken = await violations();
});
afterAll(() => {
  rmSync(tree, { recursive: true });
});

function write(file: string, text: string): void {
  mkdirSync(join(tree, dirname(file)), { recursive: true });
  writeFileSync(join(tree, file), text);
}

/** The rules that each file breaks. */
async function violations(): Promise<Map<string, Set<string>>> {
  const cruiser = join(REPOSITORY, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruiser, '--config', CONFIG, '--output-type', 'json', 'src', 'libs'];
  // Ends with 0 whatever it finds: the JSON reporter counts no violation as a failure.
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: tree, maxBuffer: 2 ** 26 });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  const found = new Map<string, Set<string>>();
  for (const { from, rule } of summary.violations) found.set(from, (found.get(from) ?? new Set()).add(rule.name));
  return found;
}

describe('the rule', () => {
  it.each(RULES)('%s refuses each import that was planted for it, and is the only one that does', (rule) => {
    const plants = PLANTS[rule] ?? [];
    expect(plants).not.toEqual([]);
    const found = Object.fromEntries(plants.map(({ file }) => [file, [...(broken.get(file) ?? [])]]));
    expect(found).toEqual(Object.fromEntries(plants.map(({ file }) => [file, [rule]])));
  });

  it('is one that exists, for every plant', () => {
    expect(Object.keys(PLANTS).filter((rule) => !RULES.includes(rule))).toEqual([]);
  });
});

it.each(ALLOWED)('$file may import $imports', ({ file }) => {
  expect([...(broken.get(file) ?? [])]).toEqual([]);
});
