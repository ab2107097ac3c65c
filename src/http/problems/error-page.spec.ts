import { readFileSync } from 'node:fs';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { renderErrorTable, withErrorTable } from './error-page.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

describe('the error reference', () => {
  it('has a row for every code', () => {
    for (const [code, { status }] of Object.entries(ERROR_TABLE))
      expect(renderErrorTable()).toContain(`| ${status} | \`${code}\` |`);
  });

  it('is up to date in docs/errors.md (else: node scripts/render-docs.mjs)', () => {
    expect(withErrorTable(page)).toBe(page);
  });

  it('says what to do about every code', () => {
    const advice = page.slice(page.indexOf('## What to do'));
    for (const code of Object.keys(ERROR_TABLE)) expect(advice).toContain(`\`${code}\``);
  });
});
