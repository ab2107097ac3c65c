// `npm run quickstart`: builds when the sources are newer than the build, then runs `tessera quickstart`. Installs nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist', 'cli.js');

if (!existsSync(join(root, 'node_modules'))) {
  console.error('The dependencies are not installed. Run: npm ci');
  process.exit(1);
}
if (buildIsOutdated()) {
  console.error('Building…');
  const build = spawnSync('npm', ['run', '-s', 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (build.status !== 0) {
    console.error('The build failed. Correct what is said above, or run: npm ci && npm run build');
    process.exit(1);
  }
}
process.argv = [process.execPath, cli, 'quickstart'];
await import(pathToFileURL(cli).href);

function buildIsOutdated() {
  const stamps = ['dist', 'libs/token/dist/esm'].map((folder) => join(root, folder, '.tsbuildinfo'));
  if (!existsSync(cli) || !stamps.every(existsSync)) return true;
  const built = Math.min(...stamps.map((stamp) => statSync(stamp).mtimeMs));
  return ['src', 'libs/token/src'].some((folder) => newestIn(join(root, folder)) > built);
}

function newestIn(folder) {
  return Math.max(
    0,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}
