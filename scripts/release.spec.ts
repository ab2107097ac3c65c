import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** scripts/release.mjs in a repository of its own, with the files of this one that a release reads or changes. */
const REPOSITORY = join(import.meta.dirname, '..');
const LIBRARIES = ['libs/token', 'libs/client'];
const CURRENT = (JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }).version;
const NEXT = '7.8.9';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-release-'));
  const builds = /(^|\/)(dist|node_modules)(\/|$)/;
  for (const name of [
    'package.json',
    'package-lock.json',
    'tsconfig.base.json',
    '.gitignore',
    'CHANGELOG.md',
    'libs',
    'deploy',
    'examples',
    'scripts',
  ])
    cpSync(join(REPOSITORY, name), join(folder, name), {
      recursive: true,
      filter: (source) => !builds.test(relative(REPOSITORY, source)),
    });
  // The libraries are those of the copy, all other packages are ours.
  mkdirSync(join(folder, 'node_modules/@tessera'), { recursive: true });
  for (const name of readdirSync(join(REPOSITORY, 'node_modules')))
    if (name !== '@tessera') symlinkSync(join(REPOSITORY, 'node_modules', name), join(folder, 'node_modules', name));
  for (const library of LIBRARIES)
    symlinkSync(join(folder, library), join(folder, 'node_modules/@tessera', library.slice('libs/'.length)));
  git('init', '--quiet', '--initial-branch', 'main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Before');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const IDENTITY = {
  GIT_AUTHOR_NAME: 'T',
  GIT_AUTHOR_EMAIL: 't@example.com',
  GIT_COMMITTER_NAME: 'T',
  GIT_COMMITTER_EMAIL: 't@example.com',
};
const options = () => ({ cwd: folder, encoding: 'utf8' as const, env: { ...process.env, ...IDENTITY } });
const git = (...args: readonly string[]) => execFileSync('git', args, options()).trim();
const release = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['scripts/release.mjs', ...args], options());
const read = (file: string) => readFileSync(join(folder, file), 'utf8');
const readJson = (file: string) => JSON.parse(read(file)) as Record<string, unknown>;

it('sets the version everywhere, dates the changelog, packs the libraries, commits and tags', () => {
  const run = release(NEXT);
  expect([run.status, run.stderr]).toEqual([0, '']);
  for (const file of [
    'package.json',
    ...LIBRARIES.map((library) => `${library}/package.json`),
    'examples/orders-service/package.json',
    'package-lock.json',
  ])
    expect(readJson(file)['version']).toBe(NEXT);
  expect(read('deploy/helm/tessera/Chart.yaml').match(/^(?:version|appVersion): .*$/gm)).toEqual([
    `version: ${NEXT}`,
    `appVersion: ${NEXT}`,
  ]);
  expect(readJson('package.json')['dependencies']).toMatchObject({ '@tessera/token': NEXT });
  expect(readJson('libs/client/package.json')['dependencies']).toMatchObject({ '@tessera/token': NEXT });
  expect(readJson('examples/orders-service/package.json')['dependencies']).toMatchObject({ '@tessera/client': NEXT });
  const packages = readJson('package-lock.json')['packages'] as Record<
    string,
    { version: string; dependencies?: object }
  >;
  for (const entry of ['', ...LIBRARIES]) expect(packages[entry]!.version).toBe(NEXT);
  expect(packages['libs/client']!.dependencies).toMatchObject({ '@tessera/token': NEXT });
  // Nobody else's package has another version now.
  const before = JSON.parse(git('show', 'HEAD~1:package-lock.json')) as { packages: typeof packages };
  for (const [name, { version }] of Object.entries(before.packages))
    if (name.startsWith('node_modules/')) expect([name, packages[name]!.version]).toEqual([name, version]);

  const today = new Date().toISOString().slice(0, 10);
  expect(read('CHANGELOG.md')).toMatch(
    new RegExp(`^## \\[Unreleased\\]\n\n## \\[${NEXT}\\] - ${today}\n\n### Added\n\n- `, 'm'),
  );
  expect(read('CHANGELOG.md')).not.toContain('To become');

  const packs = readdirSync(join(folder, 'dist/release')).sort();
  expect(packs).toEqual([`tessera-client-${NEXT}.tgz`, `tessera-token-${NEXT}.tgz`]);
  const listed = packs.map((pack) =>
    execFileSync('tar', ['-tzf', join(folder, 'dist/release', pack)], { encoding: 'utf8' }),
  );
  for (const names of listed) expect(names).toContain('package/dist/esm/index.js\n');

  expect(git('log', '-1', '--format=%s')).toBe(`Release ${NEXT}`);
  expect(git('tag', '--points-at', 'HEAD')).toBe(`v${NEXT}`);
  expect(git('status', '--porcelain')).toBe('');
  for (const library of ['.', ...LIBRARIES, 'examples/orders-service'])
    expect(read(`${library}/package.json`)).not.toContain(`"${CURRENT}"`);
});

it('changes nothing in a dry run, and says what it would do', () => {
  const run = release(NEXT, '--dry-run');
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toContain(`Would set ${NEXT} (now ${CURRENT}) in: package.json, libs/token/package.json`);
  expect(run.stdout).toContain(`tag it v${NEXT}`);
  expect([git('status', '--porcelain'), git('tag'), git('log', '--format=%s')]).toEqual(['', '', 'Before']);
});

it.each<[string, readonly string[], RegExp, () => void]>([
  ['without a version', [], /^usage: /, () => undefined],
  ['a version that is none', ['1.2'], /^usage: /, () => undefined],
  ['a version below the last one', ['0.0.1'], /^0\.0\.1 is below/, () => undefined],
  [
    'a tree with changes',
    [NEXT],
    /^The tree has changes/,
    () => {
      writeFileSync(join(folder, 'new.txt'), '');
    },
  ],
  ['a tag that exists', [NEXT], /^The tag v7\.8\.9 exists/, () => void git('tag', `v${NEXT}`)],
  [
    'a changelog without news',
    [NEXT],
    /has nothing under/,
    () => {
      writeFileSync(
        join(folder, 'CHANGELOG.md'),
        '# Changelog\n\n## [Unreleased]\n\n## [0.0.1] - 2020-01-01\n\n- First.\n',
      );
      git('commit', '--quiet', '--all', '--message', 'No news');
    },
  ],
])('refuses %s', (_, args, sentence, prepare) => {
  prepare();
  const head = git('rev-parse', 'HEAD');
  const run = release(...args);
  expect([run.status, run.stdout]).toEqual([1, '']);
  expect(run.stderr).toMatch(sentence);
  expect(git('rev-parse', 'HEAD')).toBe(head);
});

it('leaves everything as it was when the libraries do not build', () => {
  writeFileSync(join(folder, 'libs/token/src/index.ts'), 'export const broken: number = "text";\n');
  git('commit', '--quiet', '--all', '--message', 'Broken');
  const run = release(NEXT);
  expect(run.status).toBe(1);
  expect(run.stderr).toContain('Nothing was released');
  expect([git('status', '--porcelain'), git('tag'), git('log', '-1', '--format=%s')]).toEqual(['', '', 'Broken']);
});
