// `npm run quickstart`: installs the packages if there are none, builds if the sources are newer than the build, then runs `tessera quickstart`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist', 'cli.js');

// npm writes this file last: without it, an installation was interrupted.
if (!existsSync(join(root, 'node_modules', '.package-lock.json')))
  await step('Installing the packages and compiling SQLite (one to four minutes)', ['ci', '--no-audit', '--no-fund'], {
    failed: 'The packages could not be installed. Correct what is said above, then start again.',
  });
if (buildIsOutdated())
  await step('Building (about half a minute)', ['run', '-s', 'build'], {
    failed: 'The build failed. Correct what is said above, or run: npm ci && npm run build',
  });
process.argv = [process.execPath, cli, 'quickstart'];
await import(pathToFileURL(cli).href);

/** Runs npm. Says what it does and for how long; what npm itself prints is shown only if it fails. */
async function step(what, args, { failed }) {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const isTerminal = process.stderr.isTTY === true;
  process.stderr.write(isTerminal ? `${what}…` : `${what}…\n`);
  const ticker = isTerminal ? setInterval(() => process.stderr.write(`\r${what}… ${seconds()} s`), 1_000) : undefined;
  const child = spawn('npm', args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const status = await once(child, 'close').then(
    ([code]) => code,
    (error) => output.push(`npm could not be started: ${error.message}\n`) && 1,
  );
  clearInterval(ticker);
  process.stderr.write(`${isTerminal ? `\r${what}: ` : ''}${status === 0 ? 'done' : 'failed'} after ${seconds()} s\n`);
  if (status === 0) return;
  process.stderr.write(Buffer.concat(output.map((part) => Buffer.from(part))));
  console.error(failed);
  process.exit(1);
}

function buildIsOutdated() {
  // The build writes it last.
  const stamp = join(root, 'dist', 'THIRD-PARTY-LICENSES.txt');
  if (!existsSync(cli) || !existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  // The packages are in the bundle: an old one has the old packages.
  if (['package-lock.json', 'scripts/bundle.mjs'].some((file) => changedAt(join(root, file)) > built)) return true;
  return ['src', 'libs/token/src', 'libs/client/src'].some((folder) => newestIn(join(root, folder)) > built);
}

function changedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestIn(folder) {
  return Math.max(
    0,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}
