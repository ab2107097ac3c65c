import {
  EMAIL_LENGTH,
  GRANT_NAME_LENGTH,
  ID_LENGTH,
  ISSUER_LENGTH,
  STATUS_LENGTH,
  SUB_LENGTH,
  SUBJECT_ID_LENGTH,
} from '../control-plane/entities/tenant.entity.ts';
import type { DirectoryRelations } from '../tenancy/relations/directory-relations.ts';
import { boundedText } from './bounded-text.ts';
import { columnsOf, type RelationColumns } from './relation-columns.ts';

/**
 * Limits how much one subject may load into memory. A user with 50 groups of 10 roles of 40 scopes has 20,000 rows; a token could not hold a tenth of
 * that.
 */
export const MAX_GRANT_ROWS = 20_000;

/** Links to one identity: one, or a few if the collation treats different texts as equal. */
export const MAX_LINKS = 100;

/** The statements that read a user with all grants. Each takes its parameter as often as `parameters` says. */
export interface GrantsTexts {
  readonly byEmail: string;
  readonly byId: string;
  readonly identity: string;
}

const texts = new WeakMap<DirectoryRelations, GrantsTexts>();

/** The statements for a directory, made once for each opening. */
export function grantsTexts(relations: DirectoryRelations): GrantsTexts {
  let made = texts.get(relations);
  if (made === undefined) texts.set(relations, (made = makeTexts(relations)));
  return made;
}

function makeTexts(relations: DirectoryRelations): GrantsTexts {
  const columns = columnsOf(relations);
  return Object.freeze({
    byEmail: grants(relations, columns, byEmail(relations)),
    byId: grants(relations, columns, 'u.id = ?'),
    identity: `
SELECT ${columns.text('i.issuer', ISSUER_LENGTH, 'issuer')}, ${columns.text('i.sub', SUB_LENGTH, 'sub')},
       ${columns.text('i.user_id', SUBJECT_ID_LENGTH, 'user_id')}
  FROM ${relations.from.user_identities} i
 WHERE i.issuer = ? AND i.sub = ?
 LIMIT ${MAX_LINKS}`,
  });
}

/** Each finds at least the users with this address. Their addresses are compared again byte by byte. */
function byEmail({ emailLookup, emailCollation = '' }: DirectoryRelations): string {
  if (emailLookup === 'canonical column') return 'u.email_canonical = ?';
  if (emailLookup === 'converted column') return 'LOWER(CONVERT(u.email USING utf8mb4) COLLATE utf8mb4_bin) = ?';
  // The view may be replaced by one with another collation, which would find only one of two people with one address.
  return `u.email = CONVERT(? USING ${emailCollation.split('_', 1)[0]}) COLLATE ${emailCollation}`;
}

/**
 * Reads everything about one user in one statement, and so at one point in time: a row for the user, and one for each path to a scope, through the
 * user's roles and through groups. It starts from the owner row, so that every read checks the database's owner: after an outage, another server may
 * answer at the same address.
 *
 * Values that are too long are cut, because the tenant controls the database and a value may be repeated in twenty thousand rows.
 */
function grants({ owner, from, emailLookup }: DirectoryRelations, columns: RelationColumns, condition: string): string {
  const { text, sameId, sameName } = columns;
  const name = (column: string, alias?: string) => text(column, GRANT_NAME_LENGTH, alias);
  const canonical = emailLookup === 'canonical column' ? boundedText('u.email_canonical', EMAIL_LENGTH) : 'NULL';
  const grantRow = (group: string, role: string) => `
SELECT NULL, ${text('u.id', SUBJECT_ID_LENGTH)}, NULL, NULL, NULL,
       ${group}, ${name(role)}, ${name('rs.scope_name')}, ${name('s.resource')}`;
  const scopesOf = (role: string) => `
  LEFT JOIN ${from.role_scopes} rs ON ${sameName('rs.role_name', role)}
  LEFT JOIN ${from.scopes} s ON ${sameName('s.name', 'rs.scope_name')}
 WHERE ${condition}`;
  return `
SELECT ${text('o.tenant_id', ID_LENGTH, 'owner')}, ${text('u.id', SUBJECT_ID_LENGTH, 'id')},
       ${text('u.email', EMAIL_LENGTH, 'email')}, ${canonical} AS email_canonical,
       ${text('u.status', STATUS_LENGTH, 'status')},
       NULL AS group_name, NULL AS role_name, NULL AS scope_name, NULL AS resource
  FROM ${owner} o
  LEFT JOIN ${from.users} u ON ${condition}
UNION ALL${grantRow('NULL', 'ur.role_name')}
  FROM ${from.users} u
  JOIN ${from.user_roles} ur ON ${sameId('ur.user_id', 'u.id')}${scopesOf('ur.role_name')}
UNION ALL${grantRow(name('m.group_name'), 'gr.role_name')}
  FROM ${from.users} u
  JOIN ${from.user_group_members} m ON ${sameId('m.user_id', 'u.id')}
  LEFT JOIN ${from.user_group_roles} gr ON ${sameName('gr.group_name', 'm.group_name')}${scopesOf('gr.role_name')}
LIMIT ${MAX_GRANT_ROWS + 1}`;
}
