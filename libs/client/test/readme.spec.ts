import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';

// The examples of the README as a reader copies them: each compiles, and the first one runs on the build.
const PACKAGE = join(import.meta.dirname, '..');
const SETTINGS: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  types: ['node'],
};

let examples: readonly string[];
let folder: string;
let failures: ReadonlyMap<string, readonly string[]>;
beforeAll(async () => {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  // Inside the package, so that it finds itself and its peers by name.
  folder = await mkdtemp(join(PACKAGE, 'dist/readme-'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  // The example about tests imports the first one by this name.
  const files = await Promise.all(
    examples.map(async (code, index) => {
      const file = join(folder, index === 0 ? 'app.module.ts' : `example-${index}.ts`);
      await writeFile(file, code);
      return file;
    }),
  );
  const program = ts.createProgram(files, SETTINGS);
  failures = new Map(
    files.map((file) => [
      file,
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(file))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    ]),
  );
  program.emit();
});
afterAll(() => rm(folder, { recursive: true }));

it('each example compiles as it is printed', () => {
  expect(examples.length).toBeGreaterThanOrEqual(7);
  expect([...failures.values()].flat()).toEqual([]);
});

it('the first example is an application whose routes answer', async () => {
  const program = `
    import 'reflect-metadata';
    import { FastifyAdapter } from '@nestjs/platform-fastify';
    import { Test } from '@nestjs/testing';
    import { TESSERA_CLIENT_OPTIONS } from '@tessera/client';
    import { TestTessera } from '@tessera/client/testing';
    import { AppModule } from './app.module.js';
    const tessera = new TestTessera({ audience: 'shop-api' });
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(TESSERA_CLIENT_OPTIONS).useValue(tessera.clientOptions).compile();
    const app = module.createNestApplication(new FastifyAdapter());
    await app.init();
    const ask = async (method, url, fields) => {
      const headers = fields === undefined ? {} : { authorization: 'Bearer ' + tessera.token(fields) };
      return (await app.inject({ method, url, headers })).statusCode;
    };
    console.log(JSON.stringify([
      await ask('GET', '/orders', { scopes: ['orders:read'] }),
      await ask('GET', '/orders', {}),
      await ask('GET', '/orders'),
      await ask('DELETE', '/orders/1', { roles: ['manager'] }),
      await ask('DELETE', '/orders/1', {}),
      await ask('GET', '/orders/health'),
    ]));
    await app.close();`;
  await writeFile(join(folder, 'main.js'), program);
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.js')], { cwd: folder });
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual([200, 403, 401, 200, 403, 200]);
});
