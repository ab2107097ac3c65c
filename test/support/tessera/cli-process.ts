import { REPOSITORY } from '../servers/required-servers.ts';

/** Arguments of Node.js for the command line as a process of its own. */
export const CLI_FROM_SOURCE: readonly string[] = [
  '--conditions=tessera-source',
  '--import',
  `${REPOSITORY}/scripts/typescript.mjs`,
  `${REPOSITORY}/src/cli.ts`,
];
