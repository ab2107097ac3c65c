import type { TesseraError } from '../errors/tessera-error.ts';
import { explainDatabase } from '../database/database-fixes.ts';

const NO_DIRECTORY =
  "The tenant's database holds data that is not valid in a directory. Let its operator correct it, then run the command again.";

const CHANGED =
  'The written data read back differently, and was rolled back. Look for triggers on the tables, views in their place and a proxy before the server, then run the command again.';

/** Fixes for embedded databases, and for invalid content of databases on a server. */
const OTHER_FIXES: readonly (readonly [reason: string, fix: string])[] = [
  ['control database: does not keep what is written', CHANGED],
  ['tenant database: does not keep what is written', CHANGED],
  ['control database: schema is missing', 'Run: tessera migrate'],
  [
    'control database: read only',
    'TESSERA_DATA_DIR is not writable: let this user write there, then run the command again.',
  ],
  ['control database: disk full', 'Free disk space for TESSERA_DATA_DIR, then run the command again.'],
  [
    'control database: damaged',
    'Restore control.sqlite of TESSERA_DATA_DIR from a backup, then run the command again.',
  ],
  [
    'control database: busy',
    'Another process holds the write lock for too long: look for one that hangs and uses TESSERA_DATA_DIR, then run the command again.',
  ],
  [
    'control database',
    'Check that TESSERA_DATA_DIR is the right folder and is readable and writable, then run the command again.',
  ],
  [
    'tenant database: belongs to another tenant',
    "Check the tenant's `database` in the tenants file: each tenant needs its own.",
  ],
  [
    'tenant database: belongs to no tenant',
    "Check the tenant's `database` in the tenants file. If it is correct, run: tessera apply",
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

/** The message of a command about a database error; undefined if the error is about something else. */
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
