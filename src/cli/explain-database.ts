import type { DependencyFailures } from '../errors/dependency-failure.ts';
import type { TesseraError } from '../errors/tessera-error.ts';
import { explainDatabase } from '../database/database-fixes.ts';

const NO_DIRECTORY =
  "The tenant's database holds data that is not valid in a directory. Let its operator correct it, then run the command again.";

const CHANGED =
  'The written data read back differently, and was rolled back. Look for triggers on the tables, views in their place and a proxy before the server, then run the command again.';

type DatabaseFailure = DependencyFailures['control database' | 'tenant database'];
type Fixes = { readonly [Kind in DatabaseFailure]?: string } & { readonly anyOther: string };

/** Fixes for embedded databases, and for invalid content of databases on a server. */
const OTHER_FIXES: Readonly<Record<'control database' | 'tenant database', Fixes>> = {
  'control database': {
    'does not keep what is written': CHANGED,
    'schema is missing': 'Run: tessera migrate',
    'read only': 'TESSERA_DATA_DIR is not writable: let this user write there, then run the command again.',
    'disk full': 'Free disk space for TESSERA_DATA_DIR, then run the command again.',
    damaged: 'Restore control.sqlite of TESSERA_DATA_DIR from a backup, then run the command again.',
    busy: 'Another process holds the write lock for too long: look for one that hangs and uses TESSERA_DATA_DIR, then run the command again.',
    anyOther:
      'Check that TESSERA_DATA_DIR is the right folder and is readable and writable, then run the command again.',
  },
  'tenant database': {
    'does not keep what is written': CHANGED,
    'belongs to another tenant': "Check the tenant's `database` in the tenants file: each tenant needs its own.",
    'belongs to no tenant': "Check the tenant's `database` in the tenants file. If it is correct, run: tessera apply",
    damaged: "Restore the tenant's file below TESSERA_DATA_DIR from a backup, then run the command again.",
    'schema is missing': 'Run: tessera migrate',
    'holds a value that is not text': NO_DIRECTORY,
    'holds a value that is too long': NO_DIRECTORY,
    'holds an id that is not printable ASCII': NO_DIRECTORY,
    'holds an address that is not valid': NO_DIRECTORY,
    'holds a scope that is malformed': NO_DIRECTORY,
    'lacks a value that it must have': NO_DIRECTORY,
    'holds two users where there must be one': NO_DIRECTORY,
    'holds one identity for two users': NO_DIRECTORY,
    'breaks the contract of an external directory':
      'Let the operator of the database correct the view as docs/directory.md describes it, then run the command again.',
    'has too many rows': NO_DIRECTORY,
    'answer is too large': NO_DIRECTORY,
    'answer is malformed': NO_DIRECTORY,
    anyOther:
      "Check the tenant's `database` in the tenants file (embedded: its file below TESSERA_DATA_DIR), then run the command again.",
  },
};

/** The message of a command about a database error; undefined if the error is about something else. */
export function explainDatabaseFailure(error: TesseraError): string | undefined {
  const { failure } = error;
  if (failure?.dependency !== 'control database' && failure?.dependency !== 'tenant database') return undefined;
  const fixes = OTHER_FIXES[failure.dependency];
  const { about, fix } = explainDatabase(error);
  const subject = about === undefined ? error.reason : `${error.reason} (${about})`;
  const said = fix === undefined ? (fixes[failure.kind] ?? fixes.anyOther) : ended(fix);
  return `${subject.charAt(0).toUpperCase()}${subject.slice(1)}. ${said}`;
}

function ended(fix: string): string {
  return fix.startsWith('Run: ') ? fix : `${fix}; then run the command again.`;
}
