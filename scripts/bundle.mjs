/**
 * `npm run bundle`, a part of `npm run build`: makes the programs of production, `dist/main.js` and `dist/cli.js`, from the modules that the compiler
 * has made. A process then reads some large files instead of 2,000 small ones, which takes most of the time of a start.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(root, 'dist');
const CHUNKS = 'chunks';

/** They find files beside themselves: a compiled library, and the pages of the Swagger UI. */
const NEED_THEIR_FOLDER = ['better-sqlite3', 'swagger-ui-dist'];

/** CommonJS packages in the bundle call what an ES module does not have. */
const COMMONJS = `
import { createRequire as createRequireOfBundle } from 'node:module';
import { dirname as dirnameOfBundle } from 'node:path';
import { fileURLToPath as fileURLToPathOfBundle } from 'node:url';
const require = createRequireOfBundle(import.meta.url);
const __filename = fileURLToPathOfBundle(import.meta.url);
const __dirname = dirnameOfBundle(__filename);`.replaceAll('\n', ' ');

/** Nest loads these at the start if they are installed. They are for the tests of the client library only. */
const UNUSED = /^@nestjs\/(microservices|websockets)(\/|$)/;

/** Modules instead of CommonJS, of which only what is used gets into the bundle: not the telephone numbers of the world, for example. */
const AS_MODULES = {
  'class-validator': './node_modules/class-validator/esm2015/index.js',
  rxjs: './node_modules/rxjs/dist/esm/index.js',
  'rxjs/operators': './node_modules/rxjs/dist/esm/operators/index.js',
};

/** Frameworks ask for packages of features that are not used here. A package that is not installed is left for the moment when it is asked for. */
const optionalPackages = {
  name: 'optional packages',
  setup(bundler) {
    bundler.onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'unused' }));
    // Nest's ValidationPipe, which is not used, asks for all of it.
    bundler.onResolve({ filter: /^class-validator$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, namespace: 'unused' } : undefined,
    );
    bundler.onLoad({ filter: /./, namespace: 'unused' }, ({ path }) => ({
      contents: `throw new Error('${path} is not in the bundle');`,
    }));
    const resolving = Symbol('resolving');
    bundler.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...question }) => {
      if (pluginData === resolving) return undefined;
      const { kind, importer, resolveDir } = question;
      const found = await bundler.resolve(path, { kind, importer, resolveDir, pluginData: resolving });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** It asks for classes that TypeORM 1 does not have, by a `require` that would load TypeORM a second time. */
const typeormOnce = {
  name: 'TypeORM once',
  setup(bundler) {
    bundler.onLoad({ filter: /@nestjs\/typeorm\/dist\/common\/typeorm-compat\.js$/ }, () => ({
      contents: 'export const Connection = undefined; export const AbstractRepository = undefined;',
    }));
  },
};

/** Their maps lead to sources that are not installed, and those of TypeORM look like files of `src`. A place in a package is one in its installed file. */
const packagesWithoutMaps = {
  name: 'packages without maps',
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(/^\/\/# sourceMappingURL=\S+\s*$/m, ''),
    }));
  },
};

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['main', 'cli'].map((name) => join('dist', 'modules', `${name}.js`)),
  outdir: 'dist',
  entryNames: '[name]',
  chunkNames: `${CHUNKS}/[name]-[hash]`,
  bundle: true,
  // What only a command or an option needs is loaded when it is asked for.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: NEED_THEIR_FOLDER,
  alias: AS_MODULES,
  banner: { js: COMMONJS },
  // Names stay, because logs and errors have them. To restore them after a renaming, esbuild would add a call for every closure that is created.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  plugins: [optionalPackages, typeormOnce, packagesWithoutMaps],
  logLevel: 'warning',
});

removeOldChunks(Object.keys(metafile.outputs));
writeFileSync(join(DIST, 'THIRD-PARTY-LICENSES.txt'), licensesOf(filesIn(metafile.outputs)));

/** What is in the bundle: modules of which nothing is used are read, and left out. */
function filesIn(outputs) {
  const used = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  );
  return used.map(([file]) => file);
}

function removeOldChunks(outputs) {
  const made = new Set(outputs.map((path) => join(root, path)));
  for (const name of readdirSync(join(DIST, CHUNKS))) {
    const file = join(DIST, CHUNKS, name);
    if (!made.has(file)) rmSync(file);
  }
}

/** The license of every package that is in the bundle, as their licenses demand. */
function licensesOf(files) {
  const folders = new Set(files.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const names = readdirSync(join(root, folder));
    const licenses = names.filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    // Old packages say it in their readme.
    const sources = licenses.length > 0 ? licenses : names.filter((file) => /^readme/i.test(file));
    if (license === undefined && sources.length === 0) throw new Error(`${folder} has no license`);
    const contents = sources.map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
    return [`${name} ${version}: ${license ?? 'see below'}`, ...contents].join('\n\n');
  });
  return `The programs in this folder contain these packages.\n\n${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
