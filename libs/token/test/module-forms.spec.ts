import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

// Tests the build, because that is what is published. Each test runs a process of its own, as an application would.
const packageFolder = join(import.meta.dirname, '..');

function run(script: string, type: 'module' | 'commonjs'): unknown {
  const output = execFileSync(process.execPath, [`--input-type=${type}`, '--eval', script], {
    cwd: packageFolder,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

const USE = `
  const tessera = new testing.TestTessera();
  const verifier = token.createVerifier(tessera.clientOptions);
  verifier.verify(tessera.token()).then(async (verified) => {
    const error = await verifier.verify(tessera.forgedToken()).catch((error) => error);
    console.log(JSON.stringify([token.isVerifiedToken(verified), error instanceof token.TokenError, error.code, typeof core.parseStrictJson]));
  });`;
const EXPECTED = [true, true, 'TOKEN_SIGNATURE_INVALID', 'function'];

describe('the built package', () => {
  beforeAll(() => {
    if (!existsSync(join(packageFolder, 'dist'))) throw new Error('libs/token is not built: run `npm run build` first');
  });

  it('loads by import', () => {
    const imports = `
      import * as token from '@tessera/token';
      import * as core from '@tessera/token/core';
      import * as testing from '@tessera/token/testing';`;
    expect(run(imports + USE, 'module')).toEqual(EXPECTED);
  });

  it('loads by require', () => {
    const requires = `
      const token = require('@tessera/token');
      const core = require('@tessera/token/core');
      const testing = require('@tessera/token/testing');`;
    expect(run(requires + USE, 'commonjs')).toEqual(EXPECTED);
  });

  it('recognizes tokens and errors of its other module form', () => {
    const script = `
      import { createRequire } from 'node:module';
      import * as token from '@tessera/token';
      const required = createRequire(import.meta.url)('@tessera/token');
      const testing = createRequire(import.meta.url)('@tessera/token/testing');
      const tessera = new testing.TestTessera();
      const verifier = required.createVerifier(tessera.clientOptions);
      const error = await verifier.verify(tessera.forgedToken()).catch((error) => error);
      console.log(JSON.stringify([
        token.createVerifier !== required.createVerifier,
        token.isVerifiedToken(await verifier.verify(tessera.token())),
        error instanceof token.TokenError,
      ]));`;
    expect(run(script, 'module')).toEqual([true, true, true]);
  });

  it('lets a program exit without closing its verifier', () => {
    const script = `
      import { createVerifier } from '@tessera/token';
      const verifier = createVerifier({ baseUrl: 'http://127.0.0.1:9', tenants: 'all', audience: 'a' });
      await verifier.hydrate().catch(() => undefined);
      console.log('true');`;
    expect(run(script, 'module')).toBe(true);
  });
});
