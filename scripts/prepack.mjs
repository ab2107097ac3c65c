/**
 * `npm pack` and `npm publish` of a library run this in its folder: what is packed is built now, and outputs of sources that are gone
 * stay behind. The folder is never emptied: a server that runs from this tree may be reading it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exit } from 'node:process';

// npm puts the repository's own compiler on PATH. What the compiler says goes to standard error: `npm pack --json` owns the other.
const build = spawnSync('tsc', ['-b', '--force'], {
  stdio: ['ignore', 2, 'inherit'],
  shell: process.platform === 'win32',
});
if (build.status !== 0) {
  console.error('The build failed. Correct what is said above; if tsc was not found, run npm ci in the repository.');
  exit(1);
}
for (const form of ['cjs', 'esm']) {
  const folder = join('dist', form);
  const outputs = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(d\.ts|js)(\.map)?$/.test(name),
  );
  for (const output of outputs) {
    const source = join('src', output.replace(/\.(d\.ts|js)(\.map)?$/, '.ts'));
    if (!existsSync(source) || source.endsWith('.spec.ts')) rmSync(join(folder, output));
  }
}
