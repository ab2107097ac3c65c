import { expectedControlTables } from '../../../control-plane/expected-control-tables.ts';
import { findDrift } from '../../../database/drift/find-drift.ts';
import type { Installation } from '../../installation.ts';
import { foundDrift } from '../found-drift.ts';
import type { Check } from '../finding.ts';

/** The tables of the control database are those that the migrations make: columns, indices, collations, engine. */
export const controlSchemaCheck: Check<Pick<Installation, 'database'>> = {
  name: 'control-schema',
  run: async ({ database }) => {
    const { kind } = await database.database();
    const expected = await expectedControlTables(kind);
    const drifts = await findDrift(kind, (sql, parameters) => database.query(sql, parameters), expected);
    return foundDrift('control database', kind, drifts);
  },
};
