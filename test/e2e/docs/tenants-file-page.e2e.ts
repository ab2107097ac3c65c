import { parse, stringify } from 'yaml';
import { readTenantsFile } from '../../../src/provisioning/file/read-tenants-file.ts';
import { codeBlocks, firstCells, readPage, section } from '../../support/fixtures/markdown.ts';
import { TestInstallation } from '../cli/installation.ts';
import { replaceEach } from '../../../libs/token/test/replace-once.ts';

const page = readPage('docs/tenants-file.md');
const blocks = codeBlocks(page)
  .filter(({ language }) => /^ya?ml$/.test(language))
  .map(({ code }) => code);
const [example = ''] = blocks;

/** A name that is no key of any map. */
const UNKNOWN = 'unknown-key';

function errorsOf(text: string): readonly string[] {
  const context = { federationAllowedHosts: [], federationPrivateHosts: [], publicUrl: 'https://tokens.example.com' };
  const result = readTenantsFile(Buffer.from(text), context);
  return 'errors' in result ? result.errors.map(({ message }) => message) : [];
}

/** A copy in which every map has an unknown key. Conditions are excluded, because they accept any claim. */
function withUnknownKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withUnknownKeys(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, unknown>).map(([key, inner]) => [
    key,
    key === 'conditions' ? inner : withUnknownKeys(inner),
  ]);
  return { ...Object.fromEntries(entries), [UNKNOWN]: 1 };
}

/** The kinds of maps and their keys, read from the errors for an unknown key. */
const accepted = new Map<string, readonly string[]>();
for (const block of blocks) {
  for (const message of errorsOf(stringify(withUnknownKeys(parse(block)), { aliasDuplicateObjects: false }))) {
    const [, kind, keys] = new RegExp(`^(.+) has no key "${UNKNOWN}": use (.+)$`).exec(message) ?? [];
    if (kind === undefined || keys === undefined) throw new Error(`not expected of a key too many: ${message}`);
    accepted.set(kind, keys.split(', '));
  }
}

const headingOf = (kind: string) => `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;

/** All keys in a value, at any depth. */
function keysIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(keysIn)];
}

describe('docs/tenants-file.md', () => {
  it('has an example and another database', () => {
    expect(blocks).toHaveLength(2);
  });

  it.each(blocks)('has YAML without a validation error: %#', (block) => {
    expect(errorsOf(block)).toEqual([]);
  });

  it('has a heading for every kind of map that the readers know, and no other', () => {
    const headings = [...section(page, '## Members').matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect(headings.sort()).toEqual([...accepted.keys()].map(headingOf).sort());
  });

  it.each([...accepted])('has a row for every member of %s, and no other', (kind, keys) => {
    const rows = firstCells(section(page, `### ${headingOf(kind)}`)).map((cell) => cell.replaceAll('`', ''));
    expect(rows.sort()).toEqual([...keys].sort());
  });

  it('shows every member in its YAML', () => {
    const shown = new Set(blocks.flatMap((block) => keysIn(parse(block))));
    expect([...accepted.values()].flat().filter((key) => !shown.has(key))).toEqual([]);
  });
});

describe('the example', () => {
  let installation: TestInstallation;
  beforeEach(async () => {
    installation = await TestInstallation.make();
  });
  afterEach(() => installation.remove());

  it('passes a dry run, which changes nothing', async () => {
    expect(await installation.apply(example, '--dry-run')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('+ create secret acme/shop/web\n'),
    });
    expect(await installation.fingerprint()).toBeUndefined();
  });

  it('restores a removed client with its previous secret, until purge', async () => {
    const issuers = /^ {4}# The trusted issuers .*?(?=^ {4}projects:)/ms;
    const client = /^ {10}- id: web\n.*?(?=^ {10}- id: kiosk)/ms;
    const without = replaceEach(example, [issuers, '    issuers: []\n'], [client, ''], [/^ {8}identities:\n.*\n/m, '']);
    expect((await installation.applied(example)).secrets).toHaveLength(1);

    await installation.applied(without, '--prune');
    expect((await installation.applied(example)).secrets).toEqual([]);

    await installation.applied(without, '--prune');
    expect(await installation.run(['purge', '--yes'])).toMatchObject({ code: 0 });
    expect((await installation.applied(example)).secrets).toMatchObject([{ client_id: 'web' }]);
  });
});
