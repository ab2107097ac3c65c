import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningProcess, startProcess } from './process.ts';
import { REPOSITORY } from './required-servers.ts';

/** An npm project outside this repository, that has the libraries from their tarballs. */
export interface ForeignApplication {
  readonly folder: string;
  /** The program that starts it, by the HTTP framework that it runs on. */
  readonly program: 'express' | 'fastify';
}

/** How its sources are compiled, and so how it loads its packages. */
export interface Build {
  /** The `type` of its package.json: `module` loads by `import`, `commonjs` by `require`. */
  readonly type: 'module' | 'commonjs';
  readonly compilerOptions: Readonly<Record<string, string>>;
}

export interface BuiltApplication {
  readonly application: ForeignApplication;
  /** Where the compiled programs are. */
  readonly folder: string;
}

const SOURCES = join(REPOSITORY, 'test/support/foreign-application');

/** What most applications are compiled with; `skipLibCheck` is off, so that the libraries' declarations are checked too. */
const COMPILER_OPTIONS = {
  strict: true,
  target: 'es2022',
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  // For the sources' sake, which this repository checks as well; it has no say in how packages are found.
  rewriteRelativeImportExtensions: true,
};

/** What Nest applications were long compiled with: it knows no `exports`, only `main`, `types` and `typesVersions`. */
export const CLASSIC_COMMONJS = { module: 'commonjs', moduleResolution: 'node10' };

/** `npm pack` of both libraries, as one does before publishing: it builds what it packs. */
export async function packLibraries(destination: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(destination);
  await run(
    'npm',
    ['pack', '-w', 'libs/token', '-w', 'libs/client', '--pack-destination', destination],
    REPOSITORY,
    npmEnvironment(),
  );
  const tarball = async (name: string) => {
    const packed = (await readdir(destination)).filter((file) => file.startsWith(`tessera-${name}-`));
    if (packed.length !== 1) throw new Error(`npm pack made ${packed.length} tarballs of @tessera/${name}`);
    return `file:${join(destination, packed[0]!)}`;
  };
  return { '@tessera/token': await tarball('token'), '@tessera/client': await tarball('client') };
}

/** `npm install` in a new folder. A peer range that does not fit is an error. */
export async function installApplication(
  folder: string,
  program: ForeignApplication['program'],
  dependencies: Readonly<Record<string, string>>,
): Promise<ForeignApplication> {
  await mkdir(folder);
  await writeJson(join(folder, 'package.json'), { name: 'orders', version: '1.0.0', private: true, dependencies });
  const options = ['--strict-peer-deps', '--no-legacy-peer-deps', '--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...options], folder, npmEnvironment());
  return { folder, program };
}

/** @throws with what the compiler said */
export async function buildApplication(
  application: ForeignApplication,
  name: string,
  build: Build,
): Promise<BuiltApplication> {
  const folder = join(application.folder, name);
  const programs = ['orders.module.ts', 'without-nest.ts', `${application.program}.ts`];
  await copySources(programs, folder, build.type);
  await writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: { ...COMPILER_OPTIONS, ...build.compilerOptions, types: ['node'], rootDir: '.', outDir: 'dist' },
    files: programs,
  });
  await runInstalled(application, 'tsc', ['-p', '.'], folder);
  return { application, folder: join(folder, 'dist') };
}

/** @returns what it printed; throws when it does not end well */
export function runProgram({ folder }: BuiltApplication, name: string): Promise<string> {
  return run(process.execPath, [`${name}.js`], folder, foreignEnvironment());
}

/** Where Node finds a package's entry, below the package, when it is loaded in this way. */
export async function findEntry(application: ForeignApplication, entry: string, type: Build['type']): Promise<string> {
  const url =
    type === 'module' ? 'import.meta.resolve(entry)' : "require('node:url').pathToFileURL(require.resolve(entry)).href";
  const script = `const entry = ${JSON.stringify(entry)}; console.log(${url});`;
  const args = [`--input-type=${type}`, '--eval', script];
  const found = await run(process.execPath, args, application.folder, foreignEnvironment());
  return found.trim().replace(/^.*\/node_modules\/@tessera\/\w+\//, '');
}

/** Listening when it resolves. */
export async function startApplication(
  { application, folder }: BuiltApplication,
  env: Readonly<Record<string, string>>,
): Promise<RunningProcess & { readonly url: string }> {
  const running = await startProcess(process.execPath, [`${application.program}.js`], {
    cwd: folder,
    env: { ...foreignEnvironment(), ...env },
    ready: (process) => LISTENING.test(process.output()),
  });
  return { ...running, url: LISTENING.exec(running.output())![1]! };
}

const LISTENING = /^listening on (http:\S+)$/m;

/**
 * The application's own tests, by its own Jest: CommonJS, through ts-jest.
 *
 * @returns how many passed; throws with what Jest said when one did not
 */
export async function runItsJest(application: ForeignApplication): Promise<number> {
  const folder = join(application.folder, 'jest');
  await copySources(['orders.module.ts', 'orders.spec.ts'], folder, 'commonjs');
  await writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: { ...COMPILER_OPTIONS, ...CLASSIC_COMMONJS, esModuleInterop: true, types: ['node', 'jest'] },
  });
  await writeJson(join(folder, 'jest.config.json'), {
    testEnvironment: 'node',
    transform: { '^.+\\.ts$': 'ts-jest' },
    // The compiler made `./orders.module.js` of an import that Jest finds as a source.
    moduleNameMapper: { '^(\\./.+)\\.js$': '$1' },
  });
  const report = await runInstalled(application, 'jest', ['--ci', '--json'], folder);
  return (JSON.parse(report) as { readonly numPassedTests: number }).numPassedTests;
}

async function copySources(files: readonly string[], folder: string, type: Build['type']): Promise<void> {
  await mkdir(folder);
  await writeJson(join(folder, 'package.json'), { type });
  await Promise.all(files.map((file) => copyFile(join(SOURCES, file), join(folder, file))));
}

function writeJson(file: string, content: unknown): Promise<void> {
  return writeFile(file, JSON.stringify(content));
}

function runInstalled(application: ForeignApplication, command: string, args: readonly string[], cwd: string) {
  return run(join(application.folder, 'node_modules/.bin', command), args, cwd, foreignEnvironment());
}

/** Nothing of this process, which runs in Jest and perhaps below npm. */
function foreignEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] };
}

/** The user's own settings reach npm, so that it finds the registry; NODE_ENV would have it leave packages out. */
function npmEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_ENV: undefined };
}

async function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: 120_000, maxBuffer: 2 ** 24 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${basename(command)} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
