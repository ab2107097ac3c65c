import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json and the examples. The sources, the compiled modules and the bundle lie in it at different depths. */
export const INSTALLATION_FOLDER = findAbove(dirname(fileURLToPath(import.meta.url)));

function findAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json is in no folder above the program');
  return findAbove(parent);
}
