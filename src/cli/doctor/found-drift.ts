import { reasonOfFailure } from '../../database/database-failure.ts';
import type { Drift } from '../../database/drift/compare-tables.ts';
import type { Found } from './finding.ts';

/** SQLite changes no column of a table that exists. */
const STATEMENTS_OF_SQLITE: ReadonlySet<Drift['kind']> = new Set(['index']);

export function foundDrift(object: string, kind: 'sqlite' | 'mysql', drifts: readonly Drift[]): Found[] {
  return drifts.map(({ problem, statement, ...drift }) => ({
    severity: 'fault',
    object,
    problem: `differs from the migrations: ${problem}`,
    command:
      statement === undefined || (kind === 'sqlite' && !STATEMENTS_OF_SQLITE.has(drift.kind))
        ? 'Restore the database from a backup'
        : `${statement};`,
  }));
}

/** Whether a statement fails because the tables are not as the migrations make them, which is a finding of its own. */
export function followsFromDrift(error: unknown): boolean {
  const reason = reasonOfFailure(error);
  return reason === 'schema is missing' || reason === 'collations differ' || reason === 'query failed';
}
