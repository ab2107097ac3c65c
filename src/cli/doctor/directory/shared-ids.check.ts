import { SUBJECT_ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import type { DirectoryFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';
import { shownId } from '../people.ts';

const ROWS_PER_SELECT = 100;

/** No user has the id of an administrator: tokens of both would have one `sub`, and a revocation of one would revoke the other. */
export const sharedIdsCheck: Check<DirectoryFacts> = {
  name: 'shared-ids',
  run: async ({ directory, state: { tenant, administrators } }) => {
    const ids = administrators.map(({ id }) => id);
    const found: Found[] = [];
    for (let start = 0; start < ids.length; start += ROWS_PER_SELECT) {
      const some = ids.slice(start, start + ROWS_PER_SELECT);
      const rows = await directory.query(
        `SELECT ${selectText('users.id', SUBJECT_ID_LENGTH, 'id')} FROM ${directory.relations.from.users} users WHERE users.id IN (${some.map(() => '?').join(', ')}) LIMIT ${ROWS_PER_SELECT}`,
        some,
      );
      for (const row of rows) {
        const id = readRequiredText(row, 'id', SUBJECT_ID_LENGTH);
        if (!some.includes(id)) continue;
        found.push({
          severity: 'fault',
          object: `user ${tenant.id}/${shownId(id)}`,
          problem: 'has the id of an administrator, so that tokens of both have one "sub"',
          command: 'Give the user or the administrator another id in the tenants file: tessera apply -f FILE',
        });
      }
    }
    return found;
  },
};
