import { parseSubjectId } from '../../../domain/subject-id.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { shownId } from '../people.ts';
import { externalUsers } from './read-external-users.ts';
import { userPages } from './read-users.ts';

/** Every user and administrator has an id that a subject may have: a token of any other would name nobody, or a client. */
export const subjectIdsCheck: Check<DirectoryFacts> = {
  name: 'subject-ids',
  run: async (facts) => {
    const { tenant, administrators } = facts.state;
    const isExternal = tenant.directory === 'external';
    const found: Found[] = administrators.filter(hasWrongId).map(({ id }) => ({
      severity: 'fault',
      object: `administrator ${tenant.id}/${shownId(id)}`,
      problem: 'has an id that no administrator may have, and gets no token',
      command:
        'Remove the administrator, and add it with another id, in the tenants file: tessera apply -f FILE --prune',
    }));
    for await (const users of isExternal ? externalUsers(facts) : userPages(facts))
      for (const { id } of users.filter(hasWrongId)) {
        found.push({
          severity: 'fault',
          object: `user ${tenant.id}/${shownId(id)}`,
          problem: 'has an id that no user may have, and gets no token',
          command: isExternal
            ? 'Give the user another id in the view tessera_users'
            : 'Remove the user, and add it with another id, in the tenants file: tessera apply -f FILE --prune',
        });
        if (found.length > MAX_FOUND) return found;
      }
    return found;
  },
};

function hasWrongId({ id }: { readonly id: string }): boolean {
  return parseSubjectId(id) === undefined;
}
