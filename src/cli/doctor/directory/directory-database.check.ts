import type { DirectoryFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** The tenant's database has all migrations. Whether it exists and answers shows when it is opened. */
export const directoryDatabaseCheck: Check<DirectoryFacts> = {
  name: 'directory-database',
  run: async ({ directory, state: { tenant } }) => {
    const pending = await directory.pendingMigrations();
    if (pending.length === 0) return [];
    return [
      {
        severity: 'fault',
        object: `database of ${tenant.id}`,
        problem: `migrations to run: ${pending.join(', ')}`,
        command: 'tessera migrate',
      },
    ];
  },
};
