import { readFileSync } from 'node:fs';

/** The version in this program's package.json: the same file beside `src` and beside `dist`. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
