import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

// What is published is the build: these run in processes of their own, as an application would.
const packageFolder = join(import.meta.dirname, '..');

function run(script: string, type: 'module' | 'commonjs'): unknown {
  const output = execFileSync(process.execPath, [`--input-type=${type}`, '--eval', script], {
    cwd: packageFolder,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

const USE = `
  const { clientOptions } = new testing.TestTessera();
  const module = client.TesseraClientModule.forRoot(clientOptions);
  console.log(JSON.stringify([
    module.global,
    client.TESSERA_CLIENT_OPTIONS === Symbol.for('@tessera/client/options'),
    typeof client.RequireScopes('a'),
    Object.keys(client).length > 20,
  ]));`;
const EXPECTED = [true, true, 'function', true];

describe('the built package', () => {
  beforeAll(() => {
    if (!existsSync(join(packageFolder, 'dist')))
      throw new Error('libs/client is not built: run `npm run build` first');
  });

  it('loads by import', () => {
    const imports = `
      import * as client from '@tessera/client';
      import * as testing from '@tessera/client/testing';`;
    expect(run(imports + USE, 'module')).toEqual(EXPECTED);
  });

  it('loads by require', () => {
    const requires = `
      const client = require('@tessera/client');
      const testing = require('@tessera/client/testing');`;
    expect(run(requires + USE, 'commonjs')).toEqual(EXPECTED);
  });
});
