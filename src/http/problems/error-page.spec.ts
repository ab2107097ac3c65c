import { readFileSync } from 'node:fs';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { renderErrorTable, withErrorTable } from './error-page.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

describe('the page of errors', () => {
  it('has a row for every code', () => {
    for (const [code, { status }] of Object.entries(ERROR_TABLE))
      expect(renderErrorTable()).toContain(`| ${status} | \`${code}\` |`);
  });

  it('stands in docs/errors.md as the source has it (else: node scripts/render-docs.mjs)', () => {
    expect(withErrorTable(page)).toBe(page);
  });

  it('says of every code what to do', () => {
    const advice = page.slice(page.indexOf('## What to do'));
    for (const code of Object.keys(ERROR_TABLE)) expect(advice).toContain(`\`${code}\``);
  });
});
