import type { Check, Found } from '../finding.ts';
import type { Installation } from '../../installation.ts';

/** The secret store answers, and serves reads. If not, the check throws. */
export const vaultCheck: Check<Pick<Installation, 'vault'>> = {
  name: 'vault',
  run: async ({ vault }): Promise<Found[]> => {
    await vault.check();
    return [];
  },
};
