import { readFileSync } from 'node:fs';
import { loadConfig } from './load-config.ts';
import { SETTINGS } from './settings.ts';
import { renderSettingsTable, withSettingsTable } from './settings-table.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

describe('the settings table', () => {
  it('has a row for every setting', () => {
    for (const name of Object.keys(SETTINGS)) expect(renderSettingsTable()).toContain(`| \`${name}\` |`);
  });

  it('is up to date in docs/operation.md (else: node scripts/render-docs.mjs)', () => {
    const document = read('docs/operation.md');
    expect(withSettingsTable(document)).toBe(document);
  });

  it('fits the committed .env, whose values are all harmless', () => {
    const cwd = new URL('.', root).pathname;
    expect(loadConfig({}, { cwd })).toMatchObject({ host: '127.0.0.1', controlDatabase: { driver: 'sqlite' } });
    expect(read('.env')).not.toMatch(/^(?:DATABASE_URL|VAULT_\w+|REDIS_URL|PUBLIC_URL)=/m);
  });
});
