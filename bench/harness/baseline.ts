import { join } from 'node:path';
import { REPOSITORY } from '../../test/support/servers/required-servers.ts';
import { type PinnedProcess, SERVER_CORE, startPinned } from './pinned-process.ts';

/**
 * Starts a server of `bench/baselines` on the servers' core.
 *
 * @param folder an existing folder for its output
 */
export function startBaseline(folder: string, file: string, args: readonly string[]): Promise<PinnedProcess> {
  const command = [process.execPath, '--import', './scripts/typescript.mjs', join('bench/baselines', file), ...args];
  return startPinned(SERVER_CORE, command, { cwd: REPOSITORY, logFile: join(folder, 'server.log') });
}
