import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from '../../test/support/servers/required-servers.ts';

/** A Node.js, and a tree of this repository whose native modules are compiled for it. */
export interface NodeInstallation {
  /** As `v20.19.0`. */
  readonly version: string;
  readonly program: string;
  readonly tree: string;
}

export const THIS_NODE: NodeInstallation = { version: process.version, program: process.execPath, tree: REPOSITORY };

/** Another one, installed at the first call. Takes a minute then, and a copy of the tree as it is now each time. */
export function nodeOf(major: 22 | 24 | 26): NodeInstallation {
  const script = 'console.log(JSON.stringify([process.version, process.execPath, process.cwd()]))';
  const printed = execFileSync(join(REPOSITORY, 'scripts/with-node.sh'), [String(major), 'node', '--eval', script], {
    encoding: 'utf8',
  });
  const [version, program, tree] = JSON.parse(printed) as [string, string, string];
  return { version, program, tree };
}
