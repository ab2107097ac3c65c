import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Applications in folders of their own, with second copies of packages as npm nests them. Tests the build, because that is what is published. Each
 * runs as a process of its own.
 */
const PACKAGE = join(import.meta.dirname, '..');
const INSTALLED = join(PACKAGE, '../../node_modules');

let base: string;
let folder: string;
// Node looks in the folders above, too: one folder of links serves all applications.
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'tessera-copies-'));
  await linkPackages(INSTALLED, join(base, 'node_modules'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(base, 'app-'));
  await copyClient(join(folder, 'node_modules'));
});
afterAll(() => rm(base, { recursive: true }));

/** Links every installed package but @tessera/client, so that each is one copy. */
async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.startsWith('.')) continue;
    if (name.startsWith('@')) await linkPackages(join(from, name), join(to, name));
    else if (join(from, name) !== join(INSTALLED, '@tessera/client')) await symlink(join(from, name), join(to, name));
  }
}

/** Another suite runs the blocks of the README in a folder of its own there. */
function isBuilt(path: string): boolean {
  return !path.includes('/dist/readme-');
}

async function copyClient(modules: string): Promise<void> {
  for (const entry of ['package.json', 'dist'])
    await cp(join(PACKAGE, entry), join(modules, '@tessera/client', entry), { recursive: true, filter: isBuilt });
}

/** Puts a second copy of an installed package into the folder of another one. */
async function copyInto(owner: string, name: string): Promise<void> {
  const target = join(folder, 'node_modules', owner, 'node_modules', name);
  await cp(join(INSTALLED, name), target, { recursive: true, dereference: true });
}

/** A library of the application's team that brings its own copy of this package. */
async function addLibrary(): Promise<void> {
  const library = join(folder, 'node_modules/library');
  await copyClient(join(library, 'node_modules'));
  await writeFile(join(library, 'package.json'), '{"name":"library","type":"module","exports":"./index.js"}');
  await writeFile(
    join(library, 'index.js'),
    "export * from '@tessera/client'; export * from '@tessera/client/passport';",
  );
}

/** @returns what the program printed last */
async function run(program: string): Promise<unknown> {
  const file = join(folder, 'main.mjs');
  await writeFile(file, START + program);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: dirname(file) });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

const START = `
  import 'reflect-metadata';
  import { Controller, Get, Inject, Injectable, Logger, Module, UseGuards } from '@nestjs/common';
  import { NestFactory } from '@nestjs/core';
  import { FastifyAdapter } from '@nestjs/platform-fastify';
  import { TesseraClientModule } from '@tessera/client';
  import { TestTessera } from '@tessera/client/testing';
  const tessera = new TestTessera({ audience: 'shop-api' });
  const handler = (type, ...decorators) =>
    decorators.reverse().forEach((decorate) => decorate(type.prototype, 'list', Object.getOwnPropertyDescriptor(type.prototype, 'list')));
  class Orders { list() { return 'orders'; } }
  Controller('orders')(Orders);
  handler(Orders, Get());
  async function start(definition) {
    class AppModule {}
    Module(definition)(AppModule);
    try {
      const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false, abortOnError: false });
      await app.init();
      const ask = async (token) => (await app.inject({ url: '/orders', headers: { authorization: 'Bearer ' + token } })).statusCode;
      console.log(JSON.stringify({ good: await ask(tessera.token({ scopes: ['orders:read'] })), bare: await ask(tessera.token()), forged: await ask(tessera.forgedToken()) }));
      await app.close();
    } catch (error) {
      console.log(JSON.stringify({ name: error.name, message: error.message }));
    }
  }
`;
const PLAIN = 'await start({ imports: [TesseraClientModule.forRoot(tessera.clientOptions)], controllers: [Orders] });';

it('an application with one copy of each package starts', async () => {
  expect(await run(PLAIN)).toEqual({ good: 200, bare: 200, forged: 401 });
});

it.each([['@nestjs/core'], ['@nestjs/common']])('a second copy of %s is one sentence at start', async (name) => {
  await copyInto('@tessera/client', name);
  const sentence = `Tessera: two copies of ${name} are installed, one for the application and one for @tessera/client: run "npm ls ${name}"`;
  expect(await run(PLAIN)).toEqual({ name: 'TypeError', message: expect.stringContaining(sentence) as string });
});

describe('a second copy of @tessera/client in a library', () => {
  const sentenceAbout = (name: string) => ({
    name: 'TypeError',
    message: expect.stringContaining(
      `Tessera: ${name} is injected from another copy of @tessera/client than the one whose TesseraClientModule is imported: run "npm ls @tessera/client"`,
    ) as string,
  });
  beforeEach(addLibrary);

  it('is one sentence at start when its verifier or its tokens are injected', async () => {
    for (const name of ['TesseraVerifier', 'TesseraTokens']) {
      const program = `
        const { ${name} } = await import('library');
        class Consumer { constructor(injected) { this.injected = injected; } }
        Injectable()(Consumer);
        Inject(${name})(Consumer, undefined, 0);
        await start({ imports: [TesseraClientModule.forRoot(tessera.clientOptions)], controllers: [Orders], providers: [Consumer] });`;
      expect(await run(program)).toEqual(sentenceAbout(name));
    }
  });

  it('is one sentence at start when its guard is used or its strategy is provided', async () => {
    const guard = `
      const { TesseraGuard } = await import('library');
      UseGuards(TesseraGuard)(Orders);
      await start({ imports: [TesseraClientModule.forRoot({ ...tessera.clientOptions, guard: 'manual' })], controllers: [Orders] });`;
    expect(await run(guard)).toEqual(sentenceAbout('TesseraVerifier'));
    const strategy = `
      const { TesseraStrategy } = await import('library');
      await start({ imports: [TesseraClientModule.forRoot({ ...tessera.clientOptions, guard: 'manual' })], controllers: [Orders], providers: [TesseraStrategy] });`;
    expect(await run(strategy)).toEqual(sentenceAbout('TesseraVerifier'));
  });

  it('does not start with a global guard of each', async () => {
    const program = `
      const other = (await import('library')).TesseraClientModule;
      const partners = new TestTessera({ tenants: ['globex'] });
      await start({ imports: [TesseraClientModule.forRoot(tessera.clientOptions), other.forRoot(partners.clientOptions)], controllers: [Orders] });`;
    expect(await run(program)).toEqual({
      name: 'TypeError',
      message: expect.stringContaining("two modules have guard: 'global'") as string,
    });
  });

  it('may require what the guard of the application asks', async () => {
    const program = `
      const { RequireScopes } = await import('library');
      handler(Orders, RequireScopes('orders:read'));
      ${PLAIN}`;
    expect(await run(program)).toEqual({ good: 200, bare: 403, forged: 401 });
  });
});
