/**
 * `node scripts/print-totals.mjs FILE [OTHER_FAILURES]` prints `N passed, N failed` over all Jest runs that wrote to FILE, plus
 * failures that Jest knows nothing of. Ends with 1 when anything failed or no test ran at all.
 */
import { readFileSync } from 'node:fs';
import { argv, exit } from 'node:process';

const [file, otherFailures = '0'] = argv.slice(2);
let passed = 0;
let failed = Number(otherFailures);
for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
  const run = JSON.parse(line);
  passed += run.passed;
  failed += run.failed;
}
// Without a test nothing was shown.
if (passed + failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
exit(failed === 0 ? 0 : 1);
