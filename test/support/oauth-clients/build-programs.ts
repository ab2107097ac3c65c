import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY, requireServer } from '../servers/required-servers.ts';
import type { StepsProgram } from './run-steps.ts';

/*
 * What takes long, packages and the compiled standard library, is in .cache. The programs themselves are compiled by each run, so that none is
 * older than its sources.
 */

const SOURCES = join(REPOSITORY, 'test/support/oauth-clients');

/** @param folder of the result, which exists */
export async function buildGoProgram(folder: string): Promise<StepsProgram> {
  const program = join(folder, 'oauthclients');
  const cache = requireServer('goOauth2');
  await run(requireServer('go'), ['build', '-buildvcs=false', '-o', program, '.'], join(SOURCES, 'go'), {
    GOMODCACHE: join(cache, 'modules'),
    GOCACHE: join(cache, 'build'),
    // Of the same settings as when the cache was made; and nothing is downloaded in a test.
    CGO_ENABLED: '0',
    GOPROXY: 'off',
    GOTOOLCHAIN: 'local',
  });
  return { command: program, args: [] };
}

/** @param folder of the result, which exists */
export async function compileSpringProgram(folder: string): Promise<StepsProgram> {
  const libraries = join(requireServer('springSecurity'), '*');
  const sources = ['OAuthClients.java', 'Settings.java', 'TokenRequests.java'].map((name) =>
    join(SOURCES, 'spring', name),
  );
  await run(requireServer('javac'), ['-Werror', '-Xlint:all,-classfile', '-cp', libraries, '-d', folder, ...sources]);
  return { command: requireServer('java'), args: ['-cp', `${folder}:${libraries}`, 'OAuthClients'] };
}

async function run(
  command: string,
  args: readonly string[],
  cwd = SOURCES,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const inherited = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  try {
    await promisify(execFile)(command, args, { cwd, env: { ...inherited, ...env }, timeout: 240_000 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
