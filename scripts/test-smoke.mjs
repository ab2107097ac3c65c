/**
 * `npm run test:smoke` runs the part of the suites that another Node.js may break: all unit specs, with the coverage of the service's lines, the
 * end-to-end suites of HTTP, SQLite, the vault, the crypto and the command line, and integration suites against real servers where they are
 * installed. CI runs it by `scripts/with-node.sh` beside the whole on the machine's own Node.js; it has to fit in four minutes there.
 */
import { spawnSync } from 'node:child_process';
import { env, execPath, exit, version } from 'node:process';
import './typescript.mjs';

const { INTEGRATION_SUITES, findServer, REPOSITORY } = await import('../test/support/servers/required-servers.ts');

/** They run other programs, or count: what they are about does not depend on the version of Node.js. */
const UNIT_LEFT_OUT = ['scripts/', 'bench/', 'libs/token/src/revocations/revocation-columns', '\\.property\\.spec'];
const E2E = [
  'e2e/http/(all-routes|bodies)',
  'e2e/generate-token/issued-tokens',
  'e2e/oidc-token/real-logins',
  'e2e/verification/bearer-endpoint',
  'e2e/vault/embedded-vault',
  'e2e/cli/apply\\.e2e',
  'conformance/',
];
/** Drivers and HTTP clients against MariaDB and OpenBao, and the signature vectors of others. */
const INTEGRATION = ['commands/cli', 'tokens/wycheproof'];

let status = 0;
function jest(...args) {
  const program = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
  const run = spawnSync(execPath, [...program, ...args], { cwd: REPOSITORY, stdio: 'inherit' });
  status ||= run.status ?? 1;
}

console.log(`smoke of ${version}`);
// Counting lines makes the libraries' long tables several times slower, and the number is about the service.
const counted = ['src/**/*.ts', '!**/*.spec.ts', '!src/testing/**'].map((glob) => `--collectCoverageFrom=${glob}`);
jest('--selectProjects', 'unit', '--coverage', ...counted, '--testPathIgnorePatterns', 'libs/', ...UNIT_LEFT_OUT);
jest('--selectProjects', 'unit', '--testPathPatterns', 'libs/', '--testPathIgnorePatterns', ...UNIT_LEFT_OUT);
jest('--selectProjects', 'e2e', '--testPathPatterns', ...E2E);
const missing = INTEGRATION.filter((suite) =>
  INTEGRATION_SUITES[suite].some((server) => findServer(server) === undefined),
);
const runnable = INTEGRATION.filter((suite) => !missing.includes(suite));
const paths = runnable.map((suite) => `/test/integration/${suite}\\.int\\.ts$`);
if (paths.length > 0) jest('--selectProjects', 'integration', '--testPathPatterns', ...paths);
if (missing.length > 0) {
  console.log(`not run, because their servers are not installed: ${missing.join(', ')}`);
  if (env.CI === 'true') status ||= 1;
}
exit(status);
