// Rewrites what docs/ shows from tables in the source: `node scripts/render-docs.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import './typescript.mjs';

const { withErrorTable } = await import('../src/http/problems/error-page.ts');
const { withSettingsTable } = await import('../src/config/settings-table.ts');

for (const [page, render] of [
  ['docs/operation.md', withSettingsTable],
  ['docs/errors.md', withErrorTable],
]) {
  const path = new URL(`../${page}`, import.meta.url);
  const rendered = render(readFileSync(path, 'utf8'));
  if (rendered === undefined) {
    console.error(`${page} has lost the marker lines of its table: put them back.`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, rendered);
  }
}
