/**
 * A Jest reporter for CI: adds one JSON line with this run's totals to the file that `TEST_TOTALS_FILE` names, so that the totals of
 * several runs can be added up by `scripts/print-totals.mjs`.
 */
import { appendFileSync } from 'node:fs';

export default class JestTotals {
  #file;

  constructor(_globalConfig, options) {
    this.#file = options.file;
  }

  onRunComplete(_contexts, results) {
    // A suite that did not even load has no failed test of its own, yet something failed.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    appendFileSync(this.#file, `${JSON.stringify({ passed: results.numPassedTests, failed })}\n`);
  }
}
