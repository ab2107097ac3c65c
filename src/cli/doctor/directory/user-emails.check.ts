import { SUBJECT_ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import type { DirectoryRelations } from '../../../tenancy/relations/directory-relations.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { canonicalOf, sharedEmail, shownId, type StoredPerson, wrongEmail } from '../people.ts';
import { userPages } from './read-users.ts';

const same = ({ from }: DirectoryRelations) =>
  `SELECT ${selectText('users.id', SUBJECT_ID_LENGTH, 'id')} FROM ${from.users} users WHERE users.email_canonical = ? AND users.id <> ? LIMIT 5`;

/**
 * The address of every user is stored in its canonical form, and is that of one person. The index on the stored form is unique, so two people can have
 * one address only if the form of one of them is wrong.
 */
export const userEmailsCheck: Check<DirectoryFacts> = {
  name: 'user-emails',
  run: async (facts) => {
    const { tenant } = facts.state;
    const found: Found[] = [];
    const owners = new Map<string, string>();
    for await (const users of userPages(facts))
      for (const user of users) {
        const canonical = canonicalOf(user);
        if (canonical === user.emailCanonical) continue;
        const object = `user ${tenant.id}/${shownId(user.id)}`;
        const others = canonical === undefined ? [] : await othersWith(facts, canonical, user, owners.get(canonical));
        const update = (isUser: string) =>
          `UPDATE ${facts.directory.relations.from.users} SET email_canonical = LOWER(email) WHERE ${isUser};`;
        // Its form must not be corrected before its address is: the index would refuse it.
        const one = others.length > 0 ? sharedEmail(object, others) : wrongEmail(user, object, update);
        if (canonical !== undefined && !owners.has(canonical)) owners.set(canonical, user.id);
        if (one !== undefined) found.push(one);
        if (found.length > MAX_FOUND) return found;
      }
    return found;
  },
};

/** @param wrong another user of this address whose stored form is wrong, too */
async function othersWith(
  { directory }: DirectoryFacts,
  canonical: string,
  { id }: StoredPerson,
  wrong: string | undefined,
): Promise<string[]> {
  const rows = await directory.query(same(directory.relations), [canonical, id]);
  const others = rows.map((row) => readRequiredText(row, 'id', SUBJECT_ID_LENGTH));
  return wrong === undefined ? others : [...new Set([...others, wrong])];
}
