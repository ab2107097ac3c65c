import type { TenantFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';
import { canonicalOf, sharedEmail, shownId, type StoredPerson, wrongEmail } from '../people.ts';

const ADMINISTRATORS = 'SELECT id, email, email_canonical FROM administrators WHERE tenant_id = ? ORDER BY id';

/** The address of every administrator is stored in its canonical form, and is that of one person. */
export const administratorEmailsCheck: Check<TenantFacts> = {
  name: 'administrator-emails',
  run: async ({ stores: { database }, state: { tenant } }) => {
    const found: Found[] = [];
    const owners = new Map<string, string>();
    for (const row of await database.query(ADMINISTRATORS, [tenant.id])) {
      const person: StoredPerson = {
        id: String(row['id']),
        email: String(row['email']),
        emailCanonical: String(row['email_canonical']),
      };
      const object = `administrator ${tenant.id}/${shownId(person.id)}`;
      const update = (isPerson: string) =>
        `UPDATE administrators SET email_canonical = LOWER(email) WHERE tenant_id = '${tenant.id}' AND ${isPerson};`;
      const canonical = canonicalOf(person);
      const other = canonical === undefined ? undefined : owners.get(canonical);
      if (other !== undefined) {
        // Its form is wrong, too, but must not be corrected before the address is.
        found.push(sharedEmail(object, [other]));
        continue;
      }
      if (canonical !== undefined) owners.set(canonical, person.id);
      const wrong = wrongEmail(person, object, update);
      if (wrong !== undefined) found.push(wrong);
    }
    return found;
  },
};
