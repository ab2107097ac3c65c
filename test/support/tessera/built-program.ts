import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '../servers/required-servers.ts';

/** The sources of the build. */
const SOURCES = ['src', 'libs/token/src', 'libs/client/src'];

/** The program that `npm run build` makes. Builds it first if a source is newer than the last build. */
export async function builtProgram(name: 'main' | 'cli'): Promise<string> {
  if (isStale()) {
    try {
      await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: REPOSITORY });
    } catch (error) {
      throw new Error(`npm run build failed:\n${(error as { stdout?: string }).stdout ?? ''}`);
    }
  }
  return join(REPOSITORY, 'dist', `${name}.js`);
}

function isStale(): boolean {
  const built = statSync(join(REPOSITORY, 'dist/.tsbuildinfo'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return SOURCES.flatMap((folder) => filesIn(join(REPOSITORY, folder))).some((file) => statSync(file).mtimeMs > built);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name));
}
