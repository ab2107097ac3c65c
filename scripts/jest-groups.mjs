/**
 * Jest's runner with an order: most suites run in parallel, then those that wait for time to pass run beside each other, then those
 * that measure the machine run one at a time. A time limit in a test then measures the code under test and not the suite next to it.
 */
import { relative, sep } from 'node:path';
import TestRunner from 'jest-runner';
import { ALONE, WAITING } from '../test/suite-groups.mjs';

/** Suites that wait leave the processors idle, so more of them run at once than there are processors. */
const WAITING_AT_ONCE = 3;

export default class GroupRunner extends TestRunner {
  async runTests(tests, watcher, options) {
    const groups = { parallel: [], waiting: [], alone: [] };
    for (const test of tests) groups[groupOf(test)].push(test);
    for (const [name, group] of Object.entries(groups)) {
      if (group.length === 0 || watcher.isInterrupted()) continue;
      const usual = this._globalConfig;
      if (name === 'waiting') this._globalConfig = { ...usual, maxWorkers: WAITING_AT_ONCE };
      await super.runTests(group, watcher, { ...options, serial: options.serial || name === 'alone' });
      this._globalConfig = usual;
    }
  }
}

function groupOf({ path, context }) {
  const suite = relative(context.config.rootDir, path).replaceAll(sep, '/');
  if (ALONE.has(suite)) return 'alone';
  return WAITING.has(suite) ? 'waiting' : 'parallel';
}
