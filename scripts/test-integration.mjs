/**
 * Runs the integration suites whose servers are installed, and says in one line which others did not run and what to install for
 * them. With `CI=true` a missing server is a failure.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { env, execPath, exit } from 'node:process';
import './typescript.mjs';

const { INTEGRATION_SUITES, SERVERS, findServer, REPOSITORY } =
  await import('../test/support/servers/required-servers.ts');

const SUFFIX = '.int.ts';
const files = readdirSync(`${REPOSITORY}/test/integration`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort();
const unlisted = files.filter((suite) => !(suite in INTEGRATION_SUITES));
const stale = Object.keys(INTEGRATION_SUITES).filter((suite) => !files.includes(suite));
if (unlisted.length + stale.length > 0) {
  for (const suite of unlisted)
    console.error(
      `test/integration/${suite}${SUFFIX} has no row in INTEGRATION_SUITES of test/support/servers/required-servers.ts; add one`,
    );
  for (const suite of stale)
    console.error(
      `INTEGRATION_SUITES of test/support/servers/required-servers.ts has a row "${suite}" without a file; remove it`,
    );
  exit(1);
}

const missing = (suite) => INTEGRATION_SUITES[suite].filter((server) => findServer(server) === undefined);
const runnable = files.filter((suite) => missing(suite).length === 0);
const notRun = files.filter((suite) => missing(suite).length > 0);

let status = 0;
if (runnable.length > 0) {
  // Anchored, so that the name of one suite does not pull in another whose name it ends.
  const paths = runnable.map((suite) => `/test/integration/${suite.replaceAll('.', '\\.')}\\.int\\.ts$`);
  // Each suite brings servers of its own: on a machine of any size a fourth one would make the others wait.
  const workers = '--maxWorkers=3';
  const jest = [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    'integration',
    workers,
  ];
  const run = spawnSync(execPath, [...jest, ...paths], { cwd: REPOSITORY, stdio: 'inherit' });
  status = run.status ?? 1;
}
if (notRun.length > 0) {
  const reasons = notRun.map(
    (suite) =>
      `${suite} (${missing(suite)
        .map((server) => SERVERS[server].package)
        .join(', ')})`,
  );
  console.log(`not run: ${reasons.join(', ')}: install the packages in brackets to run them`);
  if (env.CI === 'true') status ||= 1;
}
exit(status);
