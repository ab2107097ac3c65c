/**
 * `npm run check:static` runs the checks that need no server: format, types with the build, lint, import boundaries, and how many files
 * hand a request on. They read the same sources and write nothing that another one reads, so they run in parallel. Each prints its output when it
 * ends; all run, whichever fails.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CHECKS = ['lint', 'types', 'format:check', 'boundaries', 'request-path'];
const cwd = fileURLToPath(new URL('..', import.meta.url));

const passed = await Promise.all(CHECKS.map(run));
const failed = CHECKS.filter((_name, index) => !passed[index]);
if (failed.length > 0) {
  console.error(`failed: ${failed.map((name) => `npm run ${name}`).join(', ')}`);
  process.exit(1);
}

async function run(name) {
  const startedAt = performance.now();
  const child = spawn('npm', ['run', '-s', name], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const [code] = await once(child, 'close');
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`${name}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  process.stdout.write(Buffer.concat(output));
  return code === 0;
}
