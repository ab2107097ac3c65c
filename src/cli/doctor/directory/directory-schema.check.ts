import { findDrift } from '../../../database/drift/find-drift.ts';
import type { DirectoryFacts } from '../facts.ts';
import type { Check } from '../finding.ts';
import { foundDrift } from '../found-drift.ts';

/** The tables of the tenant's database are those that the migrations make: columns, indices, foreign keys, collations, engine. */
export const directorySchemaCheck: Check<DirectoryFacts> = {
  name: 'directory-schema',
  run: async ({ directory, kind, expected, state: { tenant } }) => {
    const drifts = await findDrift(kind, (sql, parameters) => directory.query(sql, parameters), expected);
    return foundDrift(`database of ${tenant.id}`, kind, drifts);
  },
};
