import { codeBlocks, readPage } from '../../support/fixtures/markdown.ts';
import { TestInstallation } from '../cli/installation.ts';

const blocks = codeBlocks(readPage('docs/operation.md'))
  .filter(({ language, code }) => language === 'sh' && code.startsWith('tessera '))
  .map(({ code }) => code);
const acme = readPage('examples/acme.yaml');

interface Listed {
  readonly keys?: readonly { readonly kid: string; readonly state: string }[];
  readonly secrets?: readonly { readonly id: string }[];
}

/** Splits words, double quotes and comments like a shell. */
function words(line: string): string[] {
  return [...line.replace(/ +#.*$/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
}

describe('the commands of docs/operation.md', () => {
  it('exist', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(3);
  });

  it.each(blocks)('do what they say: %s', async (code) => {
    const installation = await TestInstallation.make();
    const list = async (...args: string[]) =>
      JSON.parse((await installation.run([...args, '--output', 'json'])).stdout) as Listed;
    try {
      await installation.applied(acme);
      const [oldKey] = (await list('keys', 'list', 'acme')).keys!;
      const [oldSecret] = (await list('secrets', 'list', 'acme/shop/web')).secrets!;
      for (const line of code.trim().split('\n')) {
        const newKey = (await list('keys', 'list', 'acme')).keys!.at(-1)!;
        const filledIn = line
          .replace('OLD_KID', oldKey!.kid)
          .replace('NEW_KID', newKey.kid)
          .replace('OLD_ID', oldSecret!.id);
        const [program, ...args] = words(filledIn);
        expect(program).toBe('tessera');
        expect({ line, ...(await installation.run(args)) }).toMatchObject({ line, code: 0, stderr: '' });
      }
      if (code.includes('keys revoke'))
        expect((await list('keys', 'list', 'acme')).keys!.map(({ state }) => state)).toEqual(['revoked', 'active']);
      if (code.includes('secrets retire'))
        expect((await list('secrets', 'list', 'acme/shop/web')).secrets!.map(({ id }) => id)).not.toContain(
          oldSecret!.id,
        );
    } finally {
      await installation.remove();
    }
  });
});
