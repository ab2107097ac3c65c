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
import { foreignText, requiredText, selected } from '../tenancy/foreign-text.ts';
import { TENANT_DATABASE, tenantDatabaseFailure } from '../tenancy/tenant-database.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import type { GrantedScope, Subject } from './subject.ts';
import { readStatus } from '../domain/status.ts';

/**
 * A bound on what one subject may bring into memory. A user with 50 groups of 10 roles of 40 scopes has 20,000 rows; a token could not
 * carry a tenth of that.
 */
const MAX_ROWS = 20_000;

type Directory = Pick<Database, 'query'>;

/** What a grant's row says, of whichever table. */
const grantRow = (group: string, role: string) => `
SELECT NULL, SUBSTR(u.id, 1, ${SUBJECT_ID_LENGTH + 1}), NULL, NULL, NULL,
       ${group}, SUBSTR(${role}, 1, ${GRANT_NAME_LENGTH + 1}),
       SUBSTR(rs.scope_name, 1, ${GRANT_NAME_LENGTH + 1}), SUBSTR(s.resource, 1, ${GRANT_NAME_LENGTH + 1})`;

/**
 * Everything about one user in one statement and so of one moment: a row for the user, and one for each way to a scope, once through the
 * user's own roles and once through groups. It starts from the owner row, so that whose database this is gets checked with every
 * read and not only when the pool was opened: behind one address there may be another server after an outage.
 *
 * Every value is cut where it is too long: the database is the tenant's, and a row may repeat it twenty thousand times.
 */
const GRANTS = (condition: string) => `
SELECT ${selected('o.tenant_id', ID_LENGTH, 'owner')}, ${selected('u.id', SUBJECT_ID_LENGTH, 'id')},
       ${selected('u.email', EMAIL_LENGTH, 'email')}, ${selected('u.email_canonical', EMAIL_LENGTH, 'email_canonical')},
       ${selected('u.status', STATUS_LENGTH, 'status')},
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

/** One row, or a few where the tenant's collation equates what differs. */
const IDENTITY = `
SELECT ${selected('issuer', ISSUER_LENGTH)}, ${selected('sub', SUB_LENGTH)}, ${selected('user_id', SUBJECT_ID_LENGTH)}
  FROM user_identities
 WHERE issuer = ? AND sub = ?
 LIMIT 100`;

export async function findGrantsByEmail(
  directory: Directory,
  tenantId: TenantId,
  email: CanonicalEmail,
): Promise<Subject | undefined> {
  const rows = await directory.query(BY_EMAIL, [email, email, email]);
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
  const id = link === undefined ? '' : requiredText(link, 'user_id', SUBJECT_ID_LENGTH);
  // Asked even without a link: the answer to "whose database is this" comes before "nobody".
  return findGrantsById(directory, tenantId, id);
}

/** @param id empty: nobody's */
export async function findGrantsById(
  directory: Directory,
  tenantId: TenantId,
  id: string,
): Promise<Subject | undefined> {
  const rows = await directory.query(BY_ID, [id, id, id]);
  return subjectFromRows(tenantId, rows, (row) => id !== '' && row['id'] === id);
}

/**
 * @param isMeant decides equality by bytes: whatever collation a tenant's database has, it never makes two people one
 */
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
    email: requiredText(person, 'email', EMAIL_LENGTH),
    // Others write this column too.
    status: readStatus(person['status']),
    roles: distinct(grants, 'role_name'),
    groups: distinct(grants, 'group_name'),
    scopes: distinctScopes(grants),
  });
}

/** It stands in log lines, and in audit records whose column takes ASCII alone: one bad row would undo those beside it. */
function subjectId(person: Row): string {
  const id = requiredText(person, 'id', SUBJECT_ID_LENGTH);
  if (!/^[\x21-\x7e]+$/.test(id)) throw unavailable(TENANT_DATABASE, 'holds an id that is not printable ASCII');
  return id;
}

/** Frozen through and through: it is shared by all requests that find it in the cache. */
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
    const name = foreignText(row, column, GRANT_NAME_LENGTH);
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

function distinctScopes(rows: readonly Row[]): GrantedScope[] {
  const scopes = new Map<string, GrantedScope>();
  for (const row of rows) {
    const name = foreignText(row, 'scope_name', GRANT_NAME_LENGTH);
    if (name !== undefined)
      scopes.set(name, Object.freeze({ name, resource: foreignText(row, 'resource', GRANT_NAME_LENGTH) }));
  }
  return [...scopes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
