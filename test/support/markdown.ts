import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { REPOSITORY } from './required-servers.ts';

const NOT_OURS = new Set(['node_modules', 'dist', 'data', 'coverage', 'test-results', '.git', '.cache']);

/** All Markdown files of the repository, by their path in it. */
export function markdownFiles(folder = REPOSITORY): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return markdownFiles(path);
      return entry.name.endsWith('.md') ? [relative(REPOSITORY, path)] : [];
    })
    .sort();
}

export function readPage(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8');
}

export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

export function codeBlocks(page: string): CodeBlock[] {
  return [...page.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));
}

/** A page without its code, which may contain text that looks like a link or a heading. */
export function prose(page: string): string {
  return page.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()#]/g, ''));
}

/** The anchors that GitHub makes of headings. */
export function anchors(page: string): Set<string> {
  const text = page.replace(/^```.*?^```$/gms, '');
  return new Set(
    [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

/** The text below a heading, up to the next one of its level or above. */
export function section(page: string, heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`the page has no heading "${heading}"`);
  const level = /^#+/.exec(heading)?.[0].length ?? 1;
  const rest = page.slice(start + heading.length + 2);
  const end = new RegExp(`^#{1,${level}} `, 'm').exec(rest)?.index;
  return rest.slice(0, end);
}

/** The first cells of all table rows, without heads. */
export function firstCells(text: string): string[] {
  return [...text.matchAll(/^\| *([^|]*?) *\|.*$\n?/gm)]
    .map(([, cell = '']) => cell)
    .filter((cell, index, cells) => !/^[-: ]+$/.test(cell) && !/^[-: ]+$/.test(cells[index + 1] ?? ''));
}
