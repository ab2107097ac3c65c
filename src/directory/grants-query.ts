import { unavailable } from '../errors/tessera-error.ts';
import type { Database, Row } from '../database/database.ts';
import {
  EMAIL_LENGTH,
  GRANT_NAME_LENGTH,
  ID_LENGTH,
  ISSUER_LENGTH,
  STATUS_LENGTH,
  SUB_LENGTH,
  SUBJECT_ID_LENGTH,
} from '../control-plane/entities/tenant.entity.ts';
import { readText, readRequiredText, selectText } from './bounded-text.ts';
import { TENANT_DATABASE, tenantDatabaseFailure } from '../tenancy/tenant-database.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import { type GrantPath, pathsFromRows } from './grant-paths.ts';
import type { GrantedScope, Subject } from './subject.ts';
import { readStatus } from '../domain/status.ts';

/**
 * Limits how much one subject may load into memory. A user with 50 groups of 10 roles of 40 scopes has 20,000 rows; a token could not hold a tenth of
 * that.
 */
const MAX_ROWS = 20_000;

type Directory = Pick<Database, 'query'>;

/** The columns of a grant's row. */
const grantRow = (group: string, role: string) => `
SELECT NULL, SUBSTR(u.id, 1, ${SUBJECT_ID_LENGTH + 1}), NULL, NULL, NULL,
       ${group}, SUBSTR(${role}, 1, ${GRANT_NAME_LENGTH + 1}),
       SUBSTR(rs.scope_name, 1, ${GRANT_NAME_LENGTH + 1}), SUBSTR(s.resource, 1, ${GRANT_NAME_LENGTH + 1})`;

/**
 * Reads everything about one user in one statement, and so at one point in time: a row for the user, and one for each path to a scope, through the
 * user's roles and through groups. It starts from the owner row, so that every read checks the database's owner: after an outage, another server may
 * answer at the same address.
 *
 * Values that are too long are cut, because the tenant controls the database and a value may be repeated in twenty thousand rows.
 */
const GRANTS = (condition: string) => `
SELECT ${selectText('o.tenant_id', ID_LENGTH, 'owner')}, ${selectText('u.id', SUBJECT_ID_LENGTH, 'id')},
       ${selectText('u.email', EMAIL_LENGTH, 'email')}, ${selectText('u.email_canonical', EMAIL_LENGTH, 'email_canonical')},
       ${selectText('u.status', STATUS_LENGTH, 'status')},
       NULL AS group_name, NULL AS role_name, NULL AS scope_name, NULL AS resource
  FROM tessera_owner o
  LEFT JOIN users u ON ${condition}
UNION ALL${grantRow('NULL', 'ur.role_name')}
  FROM users u
  JOIN user_roles ur ON ur.user_id = u.id
  LEFT JOIN role_scopes rs ON rs.role_name = ur.role_name
  LEFT JOIN scopes s ON s.name = rs.scope_name
 WHERE ${condition}
UNION ALL${grantRow(`SUBSTR(m.group_name, 1, ${GRANT_NAME_LENGTH + 1})`, 'gr.role_name')}
  FROM users u
  JOIN user_group_members m ON m.user_id = u.id
  LEFT JOIN user_group_roles gr ON gr.group_name = m.group_name
  LEFT JOIN role_scopes rs ON rs.role_name = gr.role_name
  LEFT JOIN scopes s ON s.name = rs.scope_name
 WHERE ${condition}
LIMIT ${MAX_ROWS + 1}`;

const BY_EMAIL = GRANTS('u.email_canonical = ?');
const BY_ID = GRANTS('u.id = ?');

/** Gives one row, or a few if the tenant's collation treats different texts as equal. */
const IDENTITY = `
SELECT ${selectText('issuer', ISSUER_LENGTH)}, ${selectText('sub', SUB_LENGTH)}, ${selectText('user_id', SUBJECT_ID_LENGTH)}
  FROM user_identities
 WHERE issuer = ? AND sub = ?
 LIMIT 100`;

export async function findGrantsByEmail(
  directory: Directory,
  tenantId: TenantId,
  email: CanonicalEmail,
): Promise<Subject | undefined> {
  return subjectOfEmail(tenantId, await queryByEmail(directory, email), email);
}

/** The user of `findGrantsByEmail` and the paths to its scopes, from one read. For commands: a token needs no paths. */
export async function findGrantPathsByEmail(
  directory: Directory,
  tenantId: TenantId,
  email: CanonicalEmail,
): Promise<{ readonly subject: Subject; readonly paths: readonly GrantPath[] } | undefined> {
  const rows = await queryByEmail(directory, email);
  const subject = subjectOfEmail(tenantId, rows, email);
  return subject && { subject, paths: pathsFromRows(rows, subject.id) };
}

function queryByEmail(directory: Directory, email: CanonicalEmail): Promise<Row[]> {
  return directory.query(BY_EMAIL, [email, email, email]);
}

function subjectOfEmail(tenantId: TenantId, rows: readonly Row[], email: CanonicalEmail): Subject | undefined {
  return subjectFromRows(tenantId, rows, (row) => row['email_canonical'] === email);
}

export async function findGrantsByIdentity(
  directory: Directory,
  tenantId: TenantId,
  issuer: string,
  sub: string,
): Promise<Subject | undefined> {
  const links = await directory.query(IDENTITY, [issuer, sub]);
  const link = links.find((row) => row['issuer'] === issuer && row['sub'] === sub);
  const id = link === undefined ? '' : readRequiredText(link, 'user_id', SUBJECT_ID_LENGTH);
  // Also queried without a link, so that the owner is checked before the answer "unknown".
  return findGrantsById(directory, tenantId, id);
}

/** @param id empty: matches no user */
export async function findGrantsById(
  directory: Directory,
  tenantId: TenantId,
  id: string,
): Promise<Subject | undefined> {
  const rows = await directory.query(BY_ID, [id, id, id]);
  return subjectFromRows(tenantId, rows, (row) => id !== '' && row['id'] === id);
}

/** @param isMeant compares byte by byte, so that no collation of a tenant's database can confuse two people */
function subjectFromRows(
  tenantId: TenantId,
  rows: readonly Row[],
  isMeant: (row: Row) => boolean,
): Subject | undefined {
  const persons = rows.filter((row) => row['owner'] !== null);
  if (persons.some((row) => row['owner'] !== tenantId))
    throw tenantDatabaseFailure(tenantId, 'belongs to another tenant');
  if (rows.length > MAX_ROWS) throw tenantDatabaseFailure(tenantId, 'a subject has too many grants');
  if (persons.length === 0) throw tenantDatabaseFailure(tenantId, 'belongs to no tenant');
  const person = persons.find(isMeant);
  if (person === undefined) return undefined;
  const id = subjectId(person);
  const grants = rows.filter((row) => row['owner'] === null && row['id'] === id);
  return subjectFrom({
    id,
    email: readRequiredText(person, 'email', EMAIL_LENGTH),
    // The tenant writes this column too, so it may hold any text.
    status: readStatus(person['status']),
    roles: distinct(grants, 'role_name'),
    groups: distinct(grants, 'group_name'),
    scopes: distinctScopes(grants),
  });
}

/** The id appears in log lines and in audit records. The audit column accepts only ASCII, and one invalid row would fail the whole batch. */
function subjectId(person: Row): string {
  const id = readRequiredText(person, 'id', SUBJECT_ID_LENGTH);
  if (!/^[\x21-\x7e]+$/.test(id)) throw unavailable(TENANT_DATABASE, 'holds an id that is not printable ASCII');
  return id;
}

/** Freezes the subject deeply, because cached subjects are shared by all requests. */
export function subjectFrom(subject: Subject): Subject {
  return Object.freeze({
    ...subject,
    roles: Object.freeze(subject.roles),
    groups: Object.freeze(subject.groups),
    scopes: Object.freeze(subject.scopes),
  });
}

function distinct(rows: readonly Row[], column: string): string[] {
  const names = new Set<string>();
  for (const row of rows) {
    const name = readText(row, column, GRANT_NAME_LENGTH);
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

function distinctScopes(rows: readonly Row[]): GrantedScope[] {
  const scopes = new Map<string, GrantedScope>();
  for (const row of rows) {
    const name = readText(row, 'scope_name', GRANT_NAME_LENGTH);
    if (name !== undefined)
      scopes.set(name, Object.freeze({ name, resource: readText(row, 'resource', GRANT_NAME_LENGTH) }));
  }
  return [...scopes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
