import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningProcess, startProcess } from '../servers/process.ts';
import { REPOSITORY } from '../servers/required-servers.ts';

/** An npm project outside this repository that installs the libraries from their tarballs. */
export interface ForeignApplication {
  readonly folder: string;
  /** Its start program, by HTTP framework. */
  readonly program: 'express' | 'fastify';
}

/** How its sources are compiled, which decides how it loads its packages. */
export interface Build {
  /** The `type` of its package.json: `module` loads by `import`, `commonjs` by `require`. */
  readonly type: 'module' | 'commonjs';
  readonly compilerOptions: Readonly<Record<string, string | boolean>>;
}

export interface BuiltApplication {
  readonly application: ForeignApplication;
  /** The folder of the compiled programs. */
  readonly folder: string;
}

const SOURCES = join(REPOSITORY, 'test/support/foreign-application');

/** The usual options of applications. `skipLibCheck` is off, so that the libraries' declarations are checked too. */
const COMPILER_OPTIONS = {
  strict: true,
  target: 'es2022',
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  // Needed because this repository checks the same sources. It does not influence how packages are found.
  rewriteRelativeImportExtensions: true,
};

/** The long-time default of Nest applications: it ignores `exports` and reads `main`, `types` and `typesVersions`. */
export const CLASSIC_COMMONJS = { module: 'commonjs', moduleResolution: 'node10' };

/**
 * Runs `npm pack` for both libraries, as before publishing. It builds what it packs, so it runs in a copy of the repository: servers of other suites
 * load the libraries that are built in the repository itself.
 *
 * @param folder of the copy; made here
 */
export async function packLibraries(folder: string, destination: string): Promise<Readonly<Record<string, string>>> {
  await copyRepository(folder);
  await mkdir(destination);
  await run(
    'npm',
    ['pack', '-w', 'libs/token', '-w', 'libs/client', '--pack-destination', destination],
    folder,
    npmEnvironment(),
  );
  const tarball = async (name: string) => {
    const packed = (await readdir(destination)).filter((file) => file.startsWith(`tessera-${name}-`));
    if (packed.length !== 1) throw new Error(`npm pack made ${packed.length} tarballs of @tessera/${name}`);
    return `file:${join(destination, packed[0]!)}`;
  };
  return { '@tessera/token': await tarball('token'), '@tessera/client': await tarball('client') };
}

/** What a build of the libraries needs, with the packages of the repository. */
async function copyRepository(folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules/@tessera'), { recursive: true });
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.base.json', 'scripts', 'libs'])
    await cp(join(REPOSITORY, name), join(folder, name), {
      recursive: true,
      filter: (path) => !/[/\\](?:dist|node_modules)$/.test(path),
    });
  const installed = join(REPOSITORY, 'node_modules');
  for (const name of await readdir(installed))
    if (name !== '@tessera') await symlink(join(installed, name), join(folder, 'node_modules', name));
  for (const name of ['token', 'client'])
    await symlink(join(folder, 'libs', name), join(folder, 'node_modules/@tessera', name));
}

/** Runs `npm install` in a new folder. A peer range that does not fit is an error. */
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

/** @throws with the compiler's output */
export async function buildApplication(
  application: ForeignApplication,
  name: string,
  build: Build,
  programs: readonly string[] = ['orders.module.ts', 'without-nest.ts', `${application.program}.ts`],
): Promise<BuiltApplication> {
  const folder = join(application.folder, name);
  await copySources(programs, folder, build.type);
  await writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: { ...COMPILER_OPTIONS, ...build.compilerOptions, types: ['node'], rootDir: '.', outDir: 'dist' },
    files: programs,
  });
  await runInstalled(application, 'tsc', ['-p', '.'], folder);
  return { application, folder: join(folder, 'dist') };
}

/** @returns its output; throws if it does not exit with 0 */
export function runProgram({ folder }: BuiltApplication, name: string): Promise<string> {
  return run(process.execPath, [`${name}.js`], folder, foreignEnvironment());
}

/** The file that Node resolves for a package's entry when it is loaded in this way, relative to the package. */
export async function findEntry(application: ForeignApplication, entry: string, type: Build['type']): Promise<string> {
  const url =
    type === 'module' ? 'import.meta.resolve(entry)' : "require('node:url').pathToFileURL(require.resolve(entry)).href";
  const script = `const entry = ${JSON.stringify(entry)}; console.log(${url});`;
  const args = [`--input-type=${type}`, '--eval', script];
  const found = await run(process.execPath, args, application.folder, foreignEnvironment());
  return found.trim().replace(/^.*\/node_modules\/@tessera\/\w+\//, '');
}

/** It is listening when this resolves. */
export async function startApplication(
  { application, folder }: BuiltApplication,
  env: Readonly<Record<string, string>>,
  program: string = application.program,
): Promise<RunningProcess & { readonly url: string }> {
  const running = await startProcess(process.execPath, [`${program}.js`], {
    cwd: folder,
    env: { ...foreignEnvironment(), ...env },
    ready: (process) => LISTENING.test(process.output()),
  });
  return { ...running, url: LISTENING.exec(running.output())![1]! };
}

const LISTENING = /^listening on (http:\S+)$/m;

/**
 * Runs the application's own tests with its own Jest: CommonJS, through ts-jest.
 *
 * @returns how many passed; throws with Jest's output if one did not
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
    // The compiler writes `./orders.module.js`; Jest needs the source.
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

/** Without this process's environment, which comes from Jest and perhaps npm. */
function foreignEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] };
}

/** npm gets the user's own settings, so that it finds the registry. NODE_ENV is removed, because it would omit packages. */
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
