import { parseEmail } from '../../../domain/email.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { shownId } from '../people.ts';
import { externalUsers } from './read-external-users.ts';

/** The addresses of an external directory are addresses, and each is that of one user. Its application may not have an index that ensures it. */
export const externalEmailsCheck: Check<DirectoryFacts> = {
  name: 'external-emails',
  run: async (facts) => {
    const { tenant } = facts.state;
    const found: Found[] = [];
    const owners = new Map<string, string>();
    for await (const users of externalUsers(facts))
      for (const { id, email } of users) {
        if (email === undefined) continue;
        const canonical = parseEmail(email)?.canonical;
        const other = canonical === undefined ? undefined : owners.get(canonical);
        if (canonical !== undefined && other === undefined) {
          owners.set(canonical, id);
          continue;
        }
        found.push({
          severity: other === undefined ? 'warning' : 'fault',
          object: `user ${tenant.id}/${shownId(id)}`,
          problem:
            other === undefined
              ? 'the e-mail address is not one that sign-in accepts, so nobody finds this person'
              : `has the e-mail address of ${shownId(other)}, so that neither gets a token: case makes no difference`,
          command: 'Correct the address in the application whose database it is',
        });
        if (found.length > MAX_FOUND) return found;
      }
    return found;
  },
};
