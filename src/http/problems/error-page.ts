import { ERROR_TABLE, type ErrorCode } from '../../errors/error-table.ts';
import { problemTitle } from './problem.ts';

/** scripts/render-docs.mjs writes the output of `renderErrorTable` between these two lines of docs/errors.md. */
export const ERRORS_START = '<!-- errors: made by `node scripts/render-docs.mjs` -->\n<!-- prettier-ignore-start -->';
export const ERRORS_END = '<!-- prettier-ignore-end -->';

export function renderErrorTable(): string {
  const rows = (Object.keys(ERROR_TABLE) as ErrorCode[])
    .sort((a, b) => ERROR_TABLE[a].status - ERROR_TABLE[b].status)
    .map((code) => {
      const { status, detail, logLevel } = ERROR_TABLE[code];
      return `| ${status} | \`${code}\` | ${titlesOf(code)} | ${detail} | ${logLevel} |`;
    });
  return ['| Status | `error` | `title` | `detail` | Logged as |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

/** @returns the document with the current table, or undefined when it lacks the markers */
export function withErrorTable(document: string): string | undefined {
  const start = document.indexOf(ERRORS_START);
  const end = document.indexOf(ERRORS_END);
  if (start === -1 || end < start) return undefined;
  return `${document.slice(0, start + ERRORS_START.length)}\n\n${renderErrorTable()}\n\n${document.slice(end)}`;
}

function titlesOf(code: ErrorCode): string {
  const onTokens = problemTitle(code, { kind: 'token' });
  const elsewhere = problemTitle(code, undefined);
  return onTokens === elsewhere ? onTokens : `${onTokens}; on endpoints that issue no token: ${elsewhere}`;
}
