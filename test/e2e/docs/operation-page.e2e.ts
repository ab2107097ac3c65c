import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKS } from '../../../src/cli/doctor/checks.ts';
import { firstCells, readPage, section } from '../../support/fixtures/markdown.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

const page = readPage('docs/operation.md');

/** The log events in the source, with their levels. */
function eventsInSource(): Map<string, string> {
  const events = new Map<string, string>();
  for (const file of readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
    const text = readFileSync(join(REPOSITORY, 'src', file), 'utf8');
    for (const [, level = '', event = ''] of text.matchAll(/log\.(debug|info|warn|error)\(\s*'([a-z_]+)'/gi))
      events.set(event, level);
    for (const [, event = ''] of text.matchAll(/log\.write\(level, '([a-z_]+)'/g)) events.set(event, 'by its outcome');
  }
  return events;
}

/** The HELP lines of metrics are always present, even if nothing was counted. */
async function metricsOf(tessera: TestTesseraServer): Promise<string[]> {
  const text = await (await fetch(`${tessera.url}/metrics`)).text();
  return [...text.matchAll(/^# HELP (\w+)/gm)].map(([, name = '']) => name);
}

describe('docs/operation.md', () => {
  it('has a row for every log event, with its level, and no other', () => {
    const rows = [...section(page, '## Log events').matchAll(/^\| `([a-z_]+)` +\| ([a-z ]+?) +\|/gm)];
    const documented = new Map(rows.map(([, event = '', level = '']) => [event, level]));
    const source = eventsInSource();
    expect(source.size).toBeGreaterThan(15);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(source));
  });

  it('has a row for every check of doctor, in the order in which they run, and no other', () => {
    const { foundation, installation, tenant, directory, managed, external } = CHECKS;
    const ofDirectories = [...Object.values(directory), ...managed, ...external];
    const checks = [...Object.values(foundation), ...installation, ...tenant, ...ofDirectories];
    const names = [...new Set(checks.map(({ name }) => name))];
    expect(firstCells(section(page, '## What doctor examines')).map((cell) => cell.replaceAll('`', ''))).toEqual(names);
  });

  it('has a row for every metric, and no other', async () => {
    const tessera = await startTessera();
    try {
      const documented = firstCells(section(page, '## Metrics'))
        .filter((cell) => /^`(?:tessera|process)_\w+`$/.test(cell))
        .map((cell) => cell.replaceAll('`', ''));
      expect(documented.sort()).toEqual((await metricsOf(tessera)).sort());
    } finally {
      await tessera.close();
    }
  });
});

describe('docs/architecture.md', () => {
  it('has a row for every folder of the source', () => {
    const folders = readdirSync(join(REPOSITORY, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const table = section(readPage('docs/architecture.md'), '## Folders');
    expect(folders.map(({ name }) => `\`src/${name}\``).filter((name) => !table.includes(name))).toEqual([]);
  });
});
