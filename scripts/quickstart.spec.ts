import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILD = `
  import { mkdirSync, writeFileSync } from 'node:fs';
  mkdirSync('dist', { recursive: true });
  writeFileSync('dist/cli.js', 'console.log(process.argv.slice(2).join())');
  writeFileSync('dist/THIRD-PARTY-LICENSES.txt', '');
`;

const LOCK = {
  name: 'x',
  version: '1.0.0',
  lockfileVersion: 3,
  packages: { '': { name: 'x', version: '1.0.0' } },
};

let folder: string;

/** A repository that needs no packages and whose build is quick. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickstart-'));
  for (const path of ['scripts', 'src', 'libs/token/src', 'libs/client/src'])
    mkdirSync(join(folder, path), { recursive: true });
  cpSync(fileURLToPath(new URL('quickstart.mjs', import.meta.url)), join(folder, 'scripts/quickstart.mjs'));
  write('package.json', { name: 'x', version: '1.0.0', type: 'module', scripts: { build: 'node build.mjs' } });
  write('package-lock.json', LOCK);
  write('build.mjs', BUILD);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, content: string | object): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
}

function quickstart() {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/quickstart.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  return { status, stdout, lines: stderr.split('\n').slice(0, -1) };
}

describe('npm run quickstart', () => {
  it('says what it installs and builds, once', () => {
    const first = quickstart();
    expect(first).toMatchObject({ status: 0, stdout: 'quickstart\n' });
    expect(first.lines).toEqual([
      'Installing the packages and compiling SQLite (one to four minutes)…',
      expect.stringMatching(/^done after \d+ s$/),
      'Building (about half a minute)…',
      expect.stringMatching(/^done after \d+ s$/),
    ]);
    // npm writes no record of an empty installation.
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    write('node_modules/.package-lock.json', {});
    expect(quickstart()).toEqual({ status: 0, stdout: 'quickstart\n', lines: [] });
  });

  it.each(['package-lock.json', 'scripts/bundle.mjs'])('builds again when %s is newer than the build', (file) => {
    write(file, file === 'package-lock.json' ? LOCK : '');
    quickstart();
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    write('node_modules/.package-lock.json', {});
    expect(quickstart().lines).toEqual([]);
    const later = Date.now() / 1000 + 60;
    utimesSync(join(folder, file), later, later);
    expect(quickstart().lines[0]).toBe('Building (about half a minute)…');
  });

  it('shows what a build printed that failed, and the fix', () => {
    write('build.mjs', 'console.log("src/x.ts: wrong"); process.exit(2);');
    const { status, stdout, lines } = quickstart();
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(lines.slice(2)).toEqual([
      'Building (about half a minute)…',
      expect.stringMatching(/^failed after \d+ s$/),
      'src/x.ts: wrong',
      'The build failed. Correct what is said above, or run: npm ci && npm run build',
    ]);
  });

  it('shows why the packages could not be installed', () => {
    write('package-lock.json', 'broken');
    const { status, stdout, lines } = quickstart();
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(lines.join('\n')).toMatch(/^failed after \d+ s\nnpm (?:error|ERR!)/m);
    expect(lines.at(-1)).toBe('The packages could not be installed. Correct what is said above, then start again.');
  });
});
