import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../servers/required-servers.ts';

/** What the build reads. */
const SOURCES = ['src', 'libs/token/src', 'libs/client/src'];
/** The packages are in the bundle. */
const FILES = ['package-lock.json', 'scripts/bundle.mjs'];
/** Suites run beside each other, and one of them builds. A lock that is older is one of a run that was killed. */
const LOCK = join(REPOSITORY, '.cache/build.lock');
const LONGEST_BUILD_MS = 240_000;

/** The program that `npm run build` makes and production runs. Builds it first if a source is newer than the last build. */
export function builtProgram(name: 'main' | 'cli'): string {
  if (isStale()) {
    lock();
    try {
      if (isStale()) build();
    } finally {
      rmdirSync(LOCK);
    }
  }
  return join(REPOSITORY, 'dist', `${name}.js`);
}

function build(): void {
  try {
    execFileSync('npm', ['run', '-s', 'build'], { cwd: REPOSITORY, stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: Buffer; readonly stderr: Buffer };
    throw new Error(`npm run build failed:\n${stdout.toString()}${stderr.toString()}`);
  }
}

function isStale(): boolean {
  // The bundle is written last.
  const built = statSync(join(REPOSITORY, 'dist/THIRD-PARTY-LICENSES.txt'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = SOURCES.flatMap((folder) => filesIn(join(REPOSITORY, folder)));
  return [...FILES.map((file) => join(REPOSITORY, file)), ...sources].some((file) => statSync(file).mtimeMs > built);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name));
}

function lock(): void {
  mkdirSync(join(REPOSITORY, '.cache'), { recursive: true });
  for (;;) {
    try {
      mkdirSync(LOCK);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const lockedAt = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - lockedAt > LONGEST_BUILD_MS) rmdirSync(LOCK);
    // Synchronous, because programs are named when suites are loaded.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}
