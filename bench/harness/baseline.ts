import { join } from 'node:path';
import { THIS_NODE, type NodeInstallation } from './node-installation.ts';
import { type PinnedProcess, SERVER_CORE, startPinned } from './pinned-process.ts';

/**
 * Starts a server of `bench/baselines` on the servers' core.
 *
 * @param folder an existing folder for its output
 */
export function startBaseline(
  folder: string,
  file: string,
  args: readonly string[],
  node: NodeInstallation = THIS_NODE,
): Promise<PinnedProcess> {
  const command = [node.program, '--import', './scripts/typescript.mjs', join('bench/baselines', file), ...args];
  return startPinned(SERVER_CORE, command, {
    cwd: node.tree,
    logFile: join(folder, 'server.log'),
    countsAllocations: true,
  });
}
