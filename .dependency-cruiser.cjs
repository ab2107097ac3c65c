/** Rooms from the ground up. Each may import itself and the rooms before it. */
const ROOMS = [
  'errors',
  'domain',
  'config',
  'logging',
  'metrics',
  'runtime',
  'health',
  'vault',
  'database',
  'control-plane',
  'tenancy',
  'directory',
  'replay',
  'audit',
  'identity-providers',
  'rate-limit',
  'clients',
  'keys',
  'revocation',
  'issuing',
  'verification',
  'token-grants',
];
/** They stand side by side above the rooms and never import each other. */
const SURFACES = ['admin-auth', 'user-auth', 'token-endpoint', 'provisioning'];
/** All that the HTTP edge knows besides itself: nothing of tenants, keys or tokens. */
const SEEN_BY_HTTP = ['errors', 'domain', 'config', 'logging', 'metrics', 'runtime', 'health', 'audit', 'rate-limit'];

const folder = (names) => `^src/(${names.join('|')})/`;
/** A Nest module puts together what stands around it. */
const MODULE = '\\.module\\.ts$';
/** Specs, and the fixtures that they and the folder test/ share. */
const SPEC = '(\\.spec\\.ts$|^src/testing/)';
/** The parts of a room that speak HTTP. */
const ENDPOINT =
  '(\\.controller|\\.guard|\\.strategy|\\.endpoint|\\.dto|\\.module|\\.spec|\\.authenticator|feed-query|send-document|published-documents)\\.ts$';

const upward = ROOMS.slice(0, -1).map((name, index) => ({
  name: `${name}-imports-no-room-above`,
  comment: 'Imports point one way: a room must not know those above it.',
  severity: 'error',
  from: { path: folder([name]), pathNot: [MODULE, SPEC] },
  to: { path: folder([...ROOMS.slice(index + 1), ...SURFACES, 'cli']) },
}));

const only = (name, comment, packagePattern, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: [...allowed, SPEC] },
  to: { path: packagePattern },
});

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'http-is-on-top',
      comment: 'Only endpoints may know that they are reached by HTTP.',
      severity: 'error',
      from: {
        path: folder([...ROOMS, 'provisioning']),
        pathNot: [ENDPOINT, '^src/verification/(token-status/token-status|validation)\\.ts$'],
      },
      to: { path: folder(['http']) },
    },
    {
      name: 'http-knows-no-tenant',
      comment: 'The edge knows nothing of tenants, keys or tokens.',
      severity: 'error',
      from: { path: folder(['http']), pathNot: SPEC },
      to: { path: '^src/', pathNot: folder([...SEEN_BY_HTTP, 'http']) },
    },
    ...SURFACES.map((name) => ({
      name: `${name}-stands-alone`,
      severity: 'error',
      from: { path: folder([name]) },
      to: { path: folder([...SURFACES.filter((other) => other !== name), 'cli']) },
    })),
    {
      name: 'authorization-decisions-are-made-by-authorize',
      comment: 'Whoever can make a decision can make a token. Its type may be named anywhere.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/token-grants/authorize\\.ts$', SPEC] },
      to: { path: '^src/issuing/authorization-decision\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'grants-leave-limit-and-record-to-the-pipeline',
      comment: 'A grant parses and authenticates. What no grant may skip is in the pipeline.',
      severity: 'error',
      from: { path: '^src/token-grants/grants/', pathNot: SPEC },
      to: { path: folder(['audit', 'rate-limit', 'replay', 'issuing']), dependencyTypesNot: ['type-only'] },
    },
    only('hashi-vault-js-in-vault', 'One place speaks to Vault.', 'node_modules/(hashi-vault-js|axios)/', [
      '^src/vault/kv/vault-client\\.ts$',
    ]),
    only('undici-in-egress', 'One place fetches from hosts that a tenant names.', 'node_modules/undici/', [
      '^src/identity-providers/egress/',
    ]),
    only('drivers-in-database', 'One place speaks to databases.', 'node_modules/(mysql2|better-sqlite3)/', [
      '^src/database/',
      // Locks between processes are SQLite files, which hold nothing.
      '^src/control-plane/apply-lock\\.ts$',
      '^src/vault/embedded/write-lock\\.ts$',
    ]),
    only(
      'typeorm-in-storage',
      'Statements are written next to the data they are about.',
      'node_modules/(typeorm|@nestjs/typeorm)/',
      [
        '^src/(database|control-plane|tenancy|directory|audit|clients|revocation|replay)/',
        '^src/provisioning/apply/control-plane\\.writer\\.ts$',
      ],
    ),
    only('redis-in-rate-limit', 'Redis holds counts of failures and nothing else.', 'node_modules/ioredis/', [
      '^src/rate-limit/',
    ]),
    only(
      'jwt-service-in-second-opinion',
      'Tokens are signed and verified by code of our own. JwtService only has to agree.',
      'node_modules/(@nestjs/jwt|jsonwebtoken)/',
      ['^src/keys/(second-opinion|keys\\.module)\\.ts$'],
    ),
    only(
      'passport-in-second-implementation',
      'Passport repeats what the edge has verified. It decides nothing by itself.',
      'node_modules/(passport|passport-jwt|@nestjs/passport)/',
      ['^src/verification/second-implementation/'],
    ),
    only(
      'class-validator-in-generate-token',
      'It explains a body that the strict parser has refused.',
      'node_modules/class-validator/',
      ['^src/token-grants/grants/client-secret/generate-token\\.dto\\.ts$'],
    ),
    only('pino-in-logging', 'One place writes log lines. Its stream may be named anywhere.', 'node_modules/pino/', [
      '^src/logging/',
      '^src/create-app\\.ts$',
    ]),
    only('prometheus-in-metrics', 'One place registers metrics.', 'node_modules/prom-client/', ['^src/metrics/']),
    only('telemetry-in-tracing', 'The edge alone starts spans.', 'node_modules/@opentelemetry/', [
      '^src/http/tracing/',
    ]),
    only('commander-in-cli', 'Commands are read in one place.', 'node_modules/commander/', ['^src/cli/']),
    only('yaml-in-the-tenants-file', 'One format has YAML: the tenants file.', 'node_modules/yaml/', [
      '^src/provisioning/file/',
    ]),
    {
      name: 'token-library-needs-node-crypto-only',
      severity: 'error',
      from: { path: '^libs/token/src/', pathNot: SPEC },
      to: { pathNot: ['^libs/token/src/', '^(node:)?crypto$'] },
    },
    {
      name: 'libraries-do-not-see-the-service',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(src|test)/' },
    },
    {
      name: 'sources-do-not-import-tests',
      comment: 'What specs below src share with the folder test/ lives in src/testing.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'programs-do-not-import-fixtures',
      comment: 'Fixtures open what they test: no program may contain them.',
      severity: 'error',
      from: { path: '^src/', pathNot: SPEC },
      to: { path: '^(src/testing|libs/[^/]+/test)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Our own builds. Not those of packages: most packages are imported from a folder of this name.
    exclude: { path: ['^dist/', '^libs/[^/]+/dist/'] },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['tessera-source', 'import', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
