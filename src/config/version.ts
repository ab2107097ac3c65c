import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { INSTALLATION_FOLDER } from './installation-folder.ts';

/** The version of this service, from its package.json. */
export const VERSION = readVersion();

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(INSTALLATION_FOLDER, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
