import { assertOwner } from '../../../tenancy/tenant-database.ts';
import type { DirectoryFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** The tenant's database names this tenant as its owner. If it names another, or none, the check throws. */
export const directoryOwnerCheck: Check<DirectoryFacts> = {
  name: 'directory-owner',
  run: async ({ directory, state: { tenant } }) => {
    await assertOwner(directory, tenant.id);
    return [];
  },
};
