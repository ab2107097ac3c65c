import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..');
/** JavaScript, because Jest's configuration reads it before anything is compiled. */
const LISTS = join(REPOSITORY, 'test/suite-groups.mjs');
const { WAITING, ALONE } = (await import(LISTS)) as Readonly<Record<'WAITING' | 'ALONE', ReadonlySet<string>>>;

it('knows where each listed suite is', () => {
  expect([...WAITING, ...ALONE].filter((suite) => !existsSync(join(REPOSITORY, suite)))).toEqual([]);
  expect([...ALONE].filter((suite) => WAITING.has(suite))).toEqual([]);
});

describe('a run of several suites', () => {
  const waiting = [...WAITING].slice(0, 2);
  const alone = [...ALONE].slice(0, 2);
  const parallel = ['test/e2e/one.e2e.ts', 'test/e2e/two.e2e.ts'];
  const suites = [...alone, ...waiting, ...parallel];
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tessera-groups-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Runs the text in every suite, with two workers. */
  function run(text: string) {
    for (const suite of suites) {
      mkdirSync(dirname(join(folder, suite)), { recursive: true });
      writeFileSync(join(folder, suite), text);
    }
    const config = {
      rootDir: folder,
      runner: join(REPOSITORY, 'scripts/jest-groups.mjs'),
      testMatch: ['**/*.ts'],
      transform: {},
      maxWorkers: 2,
    };
    const program = join(REPOSITORY, 'node_modules/jest/bin/jest.js');
    return spawnSync(process.execPath, [program, '--config', JSON.stringify(config)], {
      cwd: folder,
      encoding: 'utf8',
      // This run is none of those that CI counts.
      env: { ...process.env, TEST_TOTALS_FILE: '' },
    });
  }

  it('starts a group when the one before it has ended, and runs those that run alone in one process', () => {
    const log = join(folder, 'log');
    const { status, stderr, pid } = run(`
      const note = (what) =>
        require('node:fs').appendFileSync(${JSON.stringify(log)}, [what, process.pid, expect.getState().testPath].join(' ') + '\\n');
      it('takes a moment', async () => {
        note('start');
        await new Promise((resolve) => setTimeout(resolve, 50));
        note('end');
      });
    `);
    expect([status, stderr]).toEqual([0, expect.stringContaining('6 passed, 6 total')]);
    const lines = readFileSync(log, 'utf8').trimEnd().replaceAll(`${folder}/`, '').split('\n');
    const groups = [lines.slice(0, 4), lines.slice(4, 8), lines.slice(8)];
    const suitesOf = (group: readonly string[]) => new Set(group.map((line) => line.split(' ')[2]));
    expect(groups.map(suitesOf)).toEqual([new Set(parallel), new Set(waiting), new Set(alone)]);
    // One after the other, because Jest itself runs them, without a worker.
    expect(groups[2]!.map((line) => line.split(' ').slice(0, 2))).toEqual(
      ['start', 'end', 'start', 'end'].map((what) => [what, `${pid}`]),
    );
  });

  it('fails when a suite of any group does', () => {
    const { status, stderr } = run(`it('fails', () => { throw new Error('on purpose'); });`);
    expect([status, stderr]).toEqual([1, expect.stringContaining('6 failed, 6 total')]);
  });
});
