import { existsSync } from 'node:fs';
import { controlDatabaseFile } from '../../../control-plane/control-database.ts';
import type { Installation } from '../../installation.ts';
import type { Check } from '../finding.ts';

/** The control database exists, answers, and has all migrations. If it does not answer, the check throws. */
export const controlDatabaseCheck: Check<Pick<Installation, 'config' | 'database'>> = {
  name: 'control-database',
  run: async ({ config, database }) => {
    const fault = { severity: 'fault', object: 'control database' } as const;
    if (config.controlDatabase.driver === 'sqlite' && !existsSync(controlDatabaseFile(config)))
      return [
        { ...fault, problem: 'it does not exist, so there is no tenant to examine', command: 'tessera apply -f FILE' },
      ];
    const pending = await database.pendingMigrations();
    if (pending.length === 0) return [];
    return [
      {
        ...fault,
        problem: `migrations to run, and no tenant was examined: ${pending.join(', ')}`,
        command: 'tessera migrate',
      },
    ];
  },
};
