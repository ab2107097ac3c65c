/**
 * `node scripts/release.mjs VERSION [--dry-run]` makes a release of this tree: sets the version of the service, the libraries and whatever
 * pins them, dates the changelog's Unreleased part, packs the libraries into dist/release, commits and tags. It pushes and publishes
 * nothing. When a step fails, every file is as it was, and there is no commit and no tag.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, cwd, exit } from 'node:process';

const LIBRARIES = ['libs/token', 'libs/client'];
const PACKS = join('dist', 'release');
const CHART = join('deploy', 'helm', 'tessera', 'Chart.yaml');

const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const numbersOf = (version) => version.split('.').map(Number);

function fail(sentence) {
  console.error(sentence);
  exit(1);
}

/** Negative when `a` is below `b`. */
function compare(a, b) {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const at = left.findIndex((number, index) => number !== right[index]);
  return at === -1 ? 0 : left[at] - right[at];
}

/** A package.json with the new version; only what names it changes, so that the rest keeps its form. */
function packageWith(file, version, current, names) {
  const text = readFileSync(file, 'utf8');
  const pins = names.map((name) => [`"${name}": "${current}"`, `"${name}": "${version}"`]);
  return [[`"version": "${current}"`, `"version": "${version}"`], ...pins].reduce(
    (changed, [from, to]) => changed.replace(from, () => to),
    text,
  );
}

/** The lock file knows other packages of the same version, so it is changed by its members. */
function lockFileWith(version, names) {
  const lock = readJson('package-lock.json');
  lock.version = version;
  for (const folder of ['', ...LIBRARIES]) {
    const entry = lock.packages[folder];
    entry.version = version;
    for (const name of names) if (entry.dependencies?.[name] !== undefined) entry.dependencies[name] = version;
  }
  return `${JSON.stringify(lock, undefined, 2)}\n`;
}

/** What was unreleased stands below the version; a line on what it is to become has done its work. */
function changelogWith(version, date) {
  const text = readFileSync('CHANGELOG.md', 'utf8');
  const [, before, unreleased, after] = /^(.*?^## \[Unreleased\]\n)(.*?)((?:^## \[.*)?)$(?![^])/ms.exec(text) ?? [];
  const notes = unreleased?.replace(/^To become .*\n/m, '').trim();
  if (!notes) fail('CHANGELOG.md has nothing under "## [Unreleased]"; say what users notice, then release.');
  return `${before}\n## [${version}] - ${date}\n\n${notes}\n${after === '' ? '' : `\n${after}`}`;
}

const isDryRun = argv.includes('--dry-run');
const [version, ...others] = argv.slice(2).filter((argument) => argument !== '--dry-run');
if (version === undefined || others.length > 0 || !/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$/.test(version))
  fail('usage: node scripts/release.mjs MAJOR.MINOR.PATCH [--dry-run]');
if (!existsSync('CHANGELOG.md') || !existsSync('libs'))
  fail(`${cwd()} is not the root of the repository; change to it first.`);

const { version: current } = readJson('package.json');
const tag = `v${version}`;
if (compare(version, current) < 0) fail(`${version} is below ${current}, the version of package.json.`);
if (git('tag', '--list', tag) !== '') fail(`The tag ${tag} exists; choose a higher version.`);
const changes = git('status', '--porcelain');
if (changes !== '') fail(`The tree has changes; commit or remove them first:\n${changes}`);

const names = LIBRARIES.map((folder) => readJson(join(folder, 'package.json')).name);
const examples = readdirSync('examples').map((name) => join('examples', name));
const packages = ['.', ...LIBRARIES, ...examples]
  .map((folder) => join(folder, 'package.json'))
  .filter((file) => existsSync(file));
const readmes = examples.map((folder) => join(folder, 'README.md')).filter((file) => existsSync(file));
const files = new Map([
  ...packages.map((file) => [file, packageWith(file, version, current, names)]),
  ...readmes.map((file) => [file, readFileSync(file, 'utf8').replaceAll(`-${current}.tgz`, `-${version}.tgz`)]),
  ['package-lock.json', lockFileWith(version, names)],
  // The chart and the version of Tessera that it runs.
  [CHART, readFileSync(CHART, 'utf8').replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`)],
  ['CHANGELOG.md', changelogWith(version, new Date().toISOString().slice(0, 10))],
]);
const changed = [...files].filter(([file, text]) => readFileSync(file, 'utf8') !== text);

if (isDryRun) {
  console.log(`Would set ${version} (now ${current}) in: ${changed.map(([file]) => file).join(', ')}`);
  console.log(`Would pack into ${PACKS}: ${names.join(', ')}`);
  console.log(`Would commit "Release ${version}" and tag it ${tag}.`);
  exit(0);
}

for (const [file, text] of changed) writeFileSync(file, text);
try {
  rmSync(PACKS, { recursive: true, force: true });
  mkdirSync(PACKS, { recursive: true });
  const workspaces = LIBRARIES.map((folder) => `--workspace=${folder}`);
  execFileSync('npm', ['pack', '--silent', `--pack-destination=${PACKS}`, ...workspaces], { stdio: 'inherit' });
  git('commit', '--quiet', '--message', `Release ${version}`, '--', ...changed.map(([file]) => file));
} catch (error) {
  git('checkout', '--quiet', '--', ...changed.map(([file]) => file));
  fail(`Nothing was released: ${error.message}`);
}
git('tag', '--annotate', '--message', `Tessera ${version}`, tag);
console.log(`Committed and tagged ${tag}; the libraries are in ${PACKS}.`);
console.log(`Next: git push --follow-tags, then npm publish ${PACKS}/*.tgz`);
