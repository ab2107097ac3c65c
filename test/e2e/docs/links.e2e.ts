import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { anchors, markdownFiles, prose, readPage } from '../../support/fixtures/markdown.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';

interface Link {
  readonly target: string;
  readonly anchor: string | undefined;
}

/** Relative links only. Links to other hosts are not checked. */
function relativeLinks(page: string): Link[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, url = '']) => url)
    .filter((url) => !/^[a-z]+:/.test(url))
    .map((url) => {
      const [target = '', anchor] = url.split('#', 2);
      return { target, anchor };
    });
}

describe('the documentation', () => {
  const files = markdownFiles();

  it('has the pages that the README promises', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'CHANGELOG.md',
        'README.md',
        'docs/api.md',
        'docs/architecture.md',
        'docs/errors.md',
        'docs/operation.md',
        'docs/security.md',
      ]),
    );
  });

  it.each(files)('%s links to files and headings that exist', (file) => {
    const broken = relativeLinks(readPage(file)).filter(({ target, anchor }) => {
      const path = target === '' ? file : join(dirname(file), target);
      if (!existsSync(join(REPOSITORY, path))) return true;
      return anchor !== undefined && path.endsWith('.md') && !anchors(readPage(path)).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});
