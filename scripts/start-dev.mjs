/**
 * `npm run start:dev` runs the server from its sources and starts it again at each change, as `nest start --watch` does. The root of the
 * sources and the entry are those of nest-cli.json. Nest's own command line is not used: what it depends on needs Node.js 22. Nor is
 * `node --watch-path`, which Node.js 20 documents for macOS and Windows only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argv, execPath, exit } from 'node:process';

const root = fileURLToPath(new URL('..', import.meta.url));
const { sourceRoot, entryFile } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
// Editors write a file in several steps, and a change of branch is many files.
const QUIET_MS = 200;

let server = start();
let restart;
// The server contains the token library, which is taken from its sources as well.
for (const folder of [sourceRoot, 'libs/token/src'])
  watch(join(root, folder), { recursive: true }, (_event, file) => {
    if (!file?.endsWith('.ts') || file.endsWith('.spec.ts')) return;
    clearTimeout(restart);
    restart = setTimeout(() => void startAgain(file), QUIET_MS);
  });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    server.kill(signal);
    server.once('exit', (code) => exit(code ?? 0));
    if (hasEnded(server)) exit(0);
  });

function start() {
  return spawn(
    execPath,
    [
      '--conditions=tessera-source',
      '--import=./scripts/typescript.mjs',
      `${sourceRoot}/${entryFile}.ts`,
      ...argv.slice(2),
    ],
    { cwd: root, stdio: 'inherit' },
  );
}

async function startAgain(file) {
  const old = server;
  console.error(`${file} changed: the server starts again`);
  if (!hasEnded(old)) {
    const ended = once(old, 'exit');
    old.kill();
    await ended;
  }
  // Another change meanwhile has started one.
  if (server === old) server = start();
}

function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null;
}
