import type { Row } from '../../../database/database.ts';
import { EMAIL_LENGTH, SUBJECT_ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import { unavailable } from '../../../errors/tessera-error.ts';
import { TENANT_DATABASE } from '../../../tenancy/tenant-database.ts';
import type { DirectoryRelations } from '../../../tenancy/relations/directory-relations.ts';
import type { DirectoryFacts } from '../facts.ts';
import type { StoredPerson } from '../people.ts';

/** Users that are in memory at a time. */
const PAGE = 1000;
/** No directory has as many users, but a view in place of a table may be endless. */
const MAX_PAGES = 1000;

// The columns are qualified: alone, their names would mean the shortened values, which no index has.
const usersAfter = ({
  from,
}: DirectoryRelations) => `SELECT ${selectText('users.id', SUBJECT_ID_LENGTH, 'id')}, ${selectText('users.email', EMAIL_LENGTH, 'email')},
       ${selectText('users.email_canonical', EMAIL_LENGTH, 'email_canonical')}
  FROM ${from.users} users WHERE users.id > ? ORDER BY users.id LIMIT ${PAGE}`;

/** All users of a directory, in the order of their ids, a page at a time. */
export async function* userPages({
  directory,
}: Pick<DirectoryFacts, 'directory'>): AsyncGenerator<readonly StoredPerson[]> {
  const select = usersAfter(directory.relations);
  let last = '';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const users = (await directory.query(select, [last])).map(userFrom);
    const end = users.at(-1)?.id;
    if (end === undefined) return;
    yield users;
    if (users.length < PAGE) return;
    // A view may answer whatever it likes.
    if (end === last) break;
    last = end;
  }
  throw unavailable(TENANT_DATABASE, 'has too many rows');
}

export function userFrom(row: Row): StoredPerson {
  return {
    id: readRequiredText(row, 'id', SUBJECT_ID_LENGTH),
    email: readRequiredText(row, 'email', EMAIL_LENGTH),
    emailCanonical: readRequiredText(row, 'email_canonical', EMAIL_LENGTH),
  };
}
