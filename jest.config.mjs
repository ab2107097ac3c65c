import { availableParallelism } from 'node:os';

const shared = {
  testEnvironment: 'node',
  // The libraries are tested from their sources: no build step can make a test stale.
  testEnvironmentOptions: { customExportConditions: ['tessera-source', 'node', 'node-addons'] },
  transform: { '^.+\\.ts$': '@swc/jest' },
  extensionsToTreatAsEsm: ['.ts'],
  runner: '<rootDir>/scripts/jest-groups.mjs',
  // Below .cache are copies of this tree for other versions of Node.js.
  modulePathIgnorePatterns: ['<rootDir>/.cache/', '<rootDir>/dist/', '<rootDir>/libs/[^/]+/dist/', '<rootDir>/data/'],
};

export default {
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{src,libs,bench,scripts}/**/*.spec.ts'] },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/test/{e2e,conformance}/**/*.e2e.ts'] },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.int.ts'] },
  ],
  // Against a test that hangs. It asserts nothing: a busy machine is several times slower, and what has a time limit asserts it itself. So no test has
  // a limit of its own, unless it needs more.
  testTimeout: 300_000,
  // Most suites wait for programs that they start, and leave a third of the processors idle with one worker each.
  maxWorkers: availableParallelism() + 1,
  // With --coverage: the engine counts, so that nothing is rewritten, and one summary is printed.
  coverageProvider: 'v8',
  coverageReporters: ['text-summary'],
  collectCoverageFrom: ['{src,libs/*/src}/**/*.ts', '!**/*.spec.ts', '!src/testing/**'],
  reporters: [
    'default',
    // CI adds up the totals of its runs.
    ...(process.env.TEST_TOTALS_FILE
      ? [['<rootDir>/scripts/jest-totals.mjs', { file: process.env.TEST_TOTALS_FILE }]]
      : []),
  ],
};
