import { readCompleteTenants } from '../../../src/testing/complete-tenants.ts';
import { codeBlocks, prose, readPage, section } from '../../support/fixtures/markdown.ts';

const page = readPage('docs/exchange.md');
const trusts = codeBlocks(page).filter(({ language }) => /^ya?ml$/.test(language));

/** The tenant for a block, with the client that all blocks name. */
function inTenant(block: string): Uint8Array {
  const indented = block.replace(/^(?=.)/gm, '    ');
  return Buffer.from(`apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: sqlite }
    projects:
      - { id: shop, clients: [{ id: web, surfaces: [admin, user], scopes: unbounded, subjects: any }] }
${indented}`);
}

const read = (block: string) =>
  readCompleteTenants(inTenant(block), {
    federationAllowedHosts: [],
    federationPrivateHosts: [],
    publicUrl: 'https://tokens.example.com',
  });

describe('docs/exchange.md', () => {
  it('has a trusted issuer under the heading of each worked set-up', () => {
    const contents = page.slice(page.indexOf('[Worked set-ups]'), page.indexOf('\n- [In your own network]'));
    const names = [...contents.matchAll(/\[([^\]]+)\]\(#/g)].map(([, name = '']) => name).slice(1);
    expect(names).toEqual(expect.arrayContaining(['Keycloak', 'Apple', 'GitHub Actions', 'SPIRE']));
    const found = names.flatMap((name) =>
      codeBlocks(section(page, `## ${name}`)).filter(({ language }) => language === 'yaml'),
    );
    expect(found).toEqual(trusts);
  });

  it.each(trusts.map(({ code }) => [/id: (\S+)/.exec(code)?.[1], code]))(
    'says beside the trusted issuer %s what a looser trust would let in',
    (_, code) => {
      const part = page.split(/^(?=##+ )/m).find((text) => text.includes(code));
      expect(prose(part!)).toMatch(/\b(?:Without|With\s`).*\b(?:would|pass|passes|keeps)\b/s);
    },
  );

  it.each(trusts.map(({ code }) => [/issuer: (\S+)/.exec(code)?.[1], code]))(
    'the trusted issuer %s has no validation error',
    (_, code) => {
      const result = read(code);
      expect('errors' in result ? result.errors : []).toEqual([]);
    },
  );

  it('has no trusted issuer without a condition', () => {
    for (const { code } of trusts) {
      const result = read(code);
      const issuers = 'file' in result ? result.file.tenants.flatMap((tenant) => tenant.issuers) : [];
      expect(issuers.map(({ conditions }) => conditions)).not.toContain('none');
      expect(issuers).toHaveLength(1);
    }
  });

  it('names every key of a trusted issuer', () => {
    const full = `issuers:\n  - { id: x, wrong: 1 }\n`;
    const result = read(full);
    const message = 'errors' in result ? result.errors.map(({ message }) => message).join(' ') : '';
    for (const key of ['issuer', 'audiences', 'conditions', 'subject', 'clients', 'surfaces']) {
      expect(message).toContain(`"${key}"`);
      expect(page).toContain(`\n| \`${key}\``);
    }
  });
});
