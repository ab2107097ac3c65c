import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';

/** scripts/render-docs.mjs writes the output of `renderSettingsTable` between these two lines of docs/operation.md. */
export const TABLE_START = '<!-- settings: made by `node scripts/render-docs.mjs` -->\n<!-- prettier-ignore-start -->';
export const TABLE_END = '<!-- prettier-ignore-end -->';

export function renderSettingsTable(): string {
  const rows = Object.entries<Setting<unknown>>(SETTINGS).map(
    ([name, setting]) =>
      `| \`${name}\` | ${defaultOf(setting)} | ${setting.description}${setting.secret ? ' **Secret.**' : ''} Takes ${cell(setting.expected)}. |`,
  );
  return ['| Setting | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

/** @returns the document with the current table, or undefined when it lacks the markers */
export function withSettingsTable(document: string): string | undefined {
  const start = document.indexOf(TABLE_START);
  const end = document.indexOf(TABLE_END);
  if (start === -1 || end < start) return undefined;
  return `${document.slice(0, start + TABLE_START.length)}\n\n${renderSettingsTable()}\n\n${document.slice(end)}`;
}

function defaultOf(setting: Setting<unknown>): string {
  if (setting.fallback !== undefined) return setting.fallback === '' ? 'none' : `\`${setting.fallback}\``;
  return setting.absent ?? 'none';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
