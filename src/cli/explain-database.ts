import type { TesseraError } from '../errors/tessera-error.ts';
import { explainDatabase } from '../database/database-fixes.ts';

const NO_DIRECTORY =
  "The tenant's database holds what no directory of ours can. Let whoever runs it correct it, then run the command again.";

const CHANGED =
  'What was written reads otherwise, and was undone. Look for triggers of the tables, for views in their place and for a proxy on the way, then run the command again.';

/** For databases in files, and for what a database on a server says that is wrong. */
const OTHER_FIXES: readonly (readonly [reason: string, fix: string])[] = [
  ['control database: does not keep what is written', CHANGED],
  ['tenant database: does not keep what is written', CHANGED],
  ['control database: schema is missing', 'Run: tessera migrate'],
  [
    'control database: read only',
    'Nothing can be written below TESSERA_DATA_DIR: let this user write there, then run the command again.',
  ],
  ['control database: disk full', 'Make room on the disk of TESSERA_DATA_DIR, then run the command again.'],
  [
    'control database: damaged',
    'Restore control.sqlite of TESSERA_DATA_DIR from a backup, then run the command again.',
  ],
  [
    'control database: busy',
    'Another process has been writing for long: look for one that hangs on TESSERA_DATA_DIR, then run the command again.',
  ],
  [
    'control database',
    'Check that TESSERA_DATA_DIR is the right folder and may be read and written, then run the command again.',
  ],
  [
    'tenant database: belongs to another tenant',
    "Check the tenant's `database` in the tenants file: each tenant needs its own.",
  ],
  [
    'tenant database: belongs to no tenant',
    "Check the tenant's `database` in the tenants file; when it is the right one, run: tessera apply",
  ],
  [
    'tenant database: damaged',
    "Restore the tenant's file below TESSERA_DATA_DIR from a backup, then run the command again.",
  ],
  ['tenant database: schema is missing', 'Run: tessera migrate'],
  ['tenant database: holds a', NO_DIRECTORY],
  ['tenant database: lacks a value', NO_DIRECTORY],
  ['tenant database: has too many rows', NO_DIRECTORY],
  ['tenant database: answer is', NO_DIRECTORY],
  [
    'tenant database',
    "Check the tenant's `database` in the tenants file (embedded: its file below TESSERA_DATA_DIR), then run the command again.",
  ],
];

/** What a command says about a database; undefined: the error is about something else. */
export function explainDatabaseFailure(error: TesseraError): string | undefined {
  const other = OTHER_FIXES.find(([reason]) => error.reason.startsWith(reason))?.[1];
  if (other === undefined) return undefined;
  const { about, fix } = explainDatabase(error);
  const subject = about === undefined ? error.reason : `${error.reason} (${about})`;
  return `${subject.charAt(0).toUpperCase()}${subject.slice(1)}. ${fix === undefined ? other : ended(fix)}`;
}

function ended(fix: string): string {
  return fix.startsWith('Run: ') ? fix : `${fix}; then run the command again.`;
}
