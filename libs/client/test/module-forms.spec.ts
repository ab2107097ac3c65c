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

  it('passes on, in one module form, what the other has verified', () => {
    const script = `
      import { createRequire } from 'node:module';
      import { Logger } from '@nestjs/common';
      import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
      import * as imported from '@tessera/client';
      import { TestTessera } from '@tessera/client/testing';
      const required = createRequire(import.meta.url)('@tessera/client');
      Logger.overrideLogger(false);
      class Orders { list() {} }
      required.RequireScopes('orders:read')(Orders.prototype, 'list', Object.getOwnPropertyDescriptor(Orders.prototype, 'list'));
      required.Token()(Orders.prototype, 'list', 0);
      const [{ factory }] = Object.values(Reflect.getMetadata(ROUTE_ARGS_METADATA, Orders, 'list'));
      const tessera = new TestTessera({ audience: 'shop-api' });
      const options = tessera.clientOptions;
      const { createVerifier } = await import('@tessera/token');
      const guard = new imported.TesseraGuard(createVerifier(options), options);
      const answers = [];
      for (const scopes of [[], ['orders:read']]) {
        const request = { headers: { authorization: 'Bearer ' + tessera.token({ subject: 'u-ada', scopes }) } };
        const context = { getType: () => 'http', getArgByIndex: (index) => [request][index], getClass: () => Orders, getHandler: () => Orders.prototype.list,
          switchToHttp: () => ({ getResponse: () => ({ header: () => undefined }) }) };
        answers.push(await guard.canActivate(context).catch((error) => error.getStatus()));
        try { answers.push(factory(undefined, context).subject); } catch (error) { answers.push(error.getStatus()); }
      }
      console.log(JSON.stringify([required.Token === imported.Token, ...answers]));`;
    expect(run(script, 'module')).toEqual([false, 403, 500, true, 'u-ada']);
  });
});
