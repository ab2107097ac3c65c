import { unavailable } from '../errors/tessera-error.ts';
import type { Database, Row } from '../tenancy/database.ts';
import { TENANT_DATABASE } from '../tenancy/tenant-database.ts';
import type { CanonicalEmail } from '../vocabulary/email.ts';
import type { TenantId } from '../vocabulary/ids.ts';
import type { GrantedScope, Subject } from './subject.ts';

/**
 * A bound on what one subject may bring into memory. A user with 50 groups of 10 roles of 40 scopes has 20,000 rows; a token could not
 * carry a tenth of that.
 */
const MAX_ROWS = 20_000;

type Directory = Pick<Database, 'query'>;

/**
 * Everything about one user in one statement and so of one moment: one row for each way to a scope, once through the user's own roles and
 * once through groups. It starts from the owner row, so that whose database this is gets checked with every read and not
 * only when the pool was opened: behind one address there may be another server after an outage.
 */
const GRANTS = (condition: string) => `
SELECT o.tenant_id AS owner, u.id, u.email, u.email_canonical, u.status,
       NULL AS group_name, ur.role_name, rs.scope_name, s.resource
  FROM tessera_owner o
  LEFT JOIN users u ON ${condition}
  LEFT JOIN user_roles ur ON ur.user_id = u.id
  LEFT JOIN role_scopes rs ON rs.role_name = ur.role_name
  LEFT JOIN scopes s ON s.name = rs.scope_name
UNION ALL
SELECT o.tenant_id, u.id, u.email, u.email_canonical, u.status,
       m.group_name, gr.role_name, rs.scope_name, s.resource
  FROM tessera_owner o
  JOIN users u ON ${condition}
  JOIN user_group_members m ON m.user_id = u.id
  LEFT JOIN user_group_roles gr ON gr.group_name = m.group_name
  LEFT JOIN role_scopes rs ON rs.role_name = gr.role_name
  LEFT JOIN scopes s ON s.name = rs.scope_name
LIMIT ${MAX_ROWS + 1}`;

const BY_EMAIL = GRANTS('u.email_canonical = ?');
const BY_ID = GRANTS('u.id = ?');
const IDENTITY = 'SELECT issuer, sub, user_id FROM user_identities WHERE issuer = ? AND sub = ?';

export async function findGrantsByEmail(
  directory: Directory,
  tenantId: TenantId,
  email: CanonicalEmail,
): Promise<Subject | undefined> {
  const rows = await directory.query(BY_EMAIL, [email, email]);
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
  const id = link === undefined ? '' : String(link['user_id']);
  // Asked even without a link: the answer to "whose database is this" comes before "nobody".
  return findGrantsById(directory, tenantId, id);
}

/** @param id empty: nobody's */
export async function findGrantsById(
  directory: Directory,
  tenantId: TenantId,
  id: string,
): Promise<Subject | undefined> {
  const rows = await directory.query(BY_ID, [id, id]);
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
  if (rows.length === 0) throw unavailable(TENANT_DATABASE, 'belongs to no tenant');
  if (rows.some((row) => row['owner'] !== tenantId)) throw unavailable(TENANT_DATABASE, 'belongs to another tenant');
  if (rows.length > MAX_ROWS) throw unavailable(TENANT_DATABASE, 'a subject has too many grants');
  const own = rows.filter(isMeant);
  const [first] = own;
  if (first === undefined) return undefined;
  return subjectFrom({
    id: String(first['id']),
    email: String(first['email']),
    // Whatever is not exactly the word is not active: others write this column too.
    status: first['status'] === 'active' ? 'active' : 'disabled',
    roles: distinct(own, 'role_name'),
    groups: distinct(own, 'group_name'),
    scopes: distinctScopes(own),
  });
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
    const name = row[column];
    if (typeof name === 'string') names.add(name);
  }
  return [...names].sort();
}

function distinctScopes(rows: readonly Row[]): GrantedScope[] {
  const scopes = new Map<string, GrantedScope>();
  for (const row of rows) {
    const { scope_name: name, resource } = row;
    if (typeof name === 'string')
      scopes.set(name, Object.freeze({ name, resource: typeof resource === 'string' ? resource : undefined }));
  }
  return [...scopes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
