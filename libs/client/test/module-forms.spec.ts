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

const QUIET = `common.Logger.overrideLogger(false);`;
const IMPORT_ALL = `
  const [common, client, testing, token] = await Promise.all(
    ['@nestjs/common', '@tessera/client', '@tessera/client/testing', '@tessera/token'].map((name) => import(name)));
  ${QUIET}`;
const REQUIRE_ALL = `
  const [common, client, testing, token] =
    ['@nestjs/common', '@tessera/client', '@tessera/client/testing', '@tessera/token'].map((name) => require(name));
  ${QUIET}`;

/** Node resolves the two optional packages no more, as where they are not installed. */
const HIDE_TRANSPORTS = {
  module: `
    import { register } from 'node:module';
    const hooks = 'export const resolve = (name, context, next) => { if (/^@nestjs.(websockets|microservices)$/.test(name)) throw new Error(name); return next(name, context); }';
    register('data:text/javascript,' + encodeURIComponent(hooks));`,
  commonjs: `
    const Module = require('node:module');
    const resolveFilename = Module._resolveFilename;
    Module._resolveFilename = function (name, ...more) {
      if (/^@nestjs.(websockets|microservices)$/.test(name)) throw new Error(name);
      return resolveFilename.call(this, name, ...more);
    };`,
} as const;

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

  /** Calls the guard without a token, as a gateway and as a microservice. */
  const REFUSE = `
    const { createVerifier } = token;
    const options = new testing.TestTessera().clientOptions;
    const guard = new client.TesseraGuard(createVerifier(options), options);
    class Orders { list() {} }
    const refuse = (type) => guard.canActivate({ getType: () => type, getArgByIndex: () => ({}), getClass: () => Orders, getHandler: () => Orders.prototype.list })
      .then(() => 'accepted', (error) => [error.constructor.name, error.status, error.getError?.()?.error]);
    Promise.all(['ws', 'rpc', 'http2'].map(refuse)).then((refusals) => console.log(JSON.stringify(refusals)));`;
  const LOADED = { module: IMPORT_ALL, commonjs: REQUIRE_ALL } as const;

  it.each(['module', 'commonjs'] as const)("refuses with the exceptions of Nest's transports: %s", (type) => {
    expect(run(LOADED[type] + REFUSE, type)).toEqual([
      ['WsException', 401, 'token_missing'],
      ['RpcException', 401, 'token_missing'],
      ['UnauthorizedException', 401, null],
    ]);
  });

  it.each(['module', 'commonjs'] as const)('refuses without the packages of these transports: %s', (type) => {
    expect(run(HIDE_TRANSPORTS[type] + LOADED[type] + REFUSE, type)).toEqual([
      ['UnauthorizedException', 401, null],
      ['UnauthorizedException', 401, null],
      ['UnauthorizedException', 401, null],
    ]);
  });
});
