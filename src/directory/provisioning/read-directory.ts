import { unavailable } from '../../errors/tessera-error.ts';
import type { Row } from '../../database/database.ts';
import {
  EMAIL_LENGTH,
  GRANT_NAME_LENGTH,
  ISSUER_LENGTH,
  STATUS_LENGTH,
  SUB_LENGTH,
  SUBJECT_ID_LENGTH,
} from '../../control-plane/entities/tenant.entity.ts';
import { readText, readRequiredText, selectText } from '../bounded-text.ts';
import { TENANT_DATABASE } from '../../tenancy/tenant-database.ts';
import type { DirectoryState } from './directory-state.ts';
import { readStatus } from '../../domain/status.ts';

/** Limit per table. No directory has nearly as many rows, but a view in place of a table may be endless. */
const MAX_ROWS = 1_000_000;

/** The columns that are read, with the maximum length of their values. */
const TABLES = {
  scopes: { name: GRANT_NAME_LENGTH, resource: GRANT_NAME_LENGTH },
  roles: { name: GRANT_NAME_LENGTH },
  user_groups: { name: GRANT_NAME_LENGTH },
  users: { id: SUBJECT_ID_LENGTH, email: EMAIL_LENGTH, status: STATUS_LENGTH },
  role_scopes: { role_name: GRANT_NAME_LENGTH, scope_name: GRANT_NAME_LENGTH },
  user_group_roles: { group_name: GRANT_NAME_LENGTH, role_name: GRANT_NAME_LENGTH },
  user_roles: { user_id: SUBJECT_ID_LENGTH, role_name: GRANT_NAME_LENGTH },
  user_group_members: { user_id: SUBJECT_ID_LENGTH, group_name: GRANT_NAME_LENGTH },
  user_identities: { issuer: ISSUER_LENGTH, sub: SUB_LENGTH, user_id: SUBJECT_ID_LENGTH },
} as const;

type Ask = (select: string) => Promise<readonly Row[]>;

/** Reads the whole directory. The tenant controls the database, so everything read is limited and validated. */
export async function readDirectory(ask: Ask): Promise<DirectoryState> {
  const scopes = await readTable(ask, 'scopes', (text, row) => ({
    name: text('name'),
    resource: readText(row, 'resource', GRANT_NAME_LENGTH),
  }));
  const roles = await readTable(ask, 'roles', (text) => text('name'));
  const groups = await readTable(ask, 'user_groups', (text) => text('name'));
  const users = await readTable(ask, 'users', (text, row) => ({
    id: text('id'),
    email: text('email'),
    status: readStatus(readText(row, 'status', STATUS_LENGTH)),
  }));
  const scopesOf = await readLinks(ask, 'role_scopes', 'role_name', (text) => text('scope_name'));
  const rolesOfGroup = await readLinks(ask, 'user_group_roles', 'group_name', (text) => text('role_name'));
  const rolesOf = await readLinks(ask, 'user_roles', 'user_id', (text) => text('role_name'));
  const groupsOf = await readLinks(ask, 'user_group_members', 'user_id', (text) => text('group_name'));
  const identitiesOf = await readLinks(ask, 'user_identities', 'user_id', (text) => ({
    issuer: text('issuer'),
    sub: text('sub'),
  }));
  return {
    scopes: scopes.sort(byName),
    roles: roles.map((name) => ({ name, scopes: scopesOf(name).sort() })).sort(byName),
    groups: groups.map((name) => ({ name, roles: rolesOfGroup(name).sort() })).sort(byName),
    users: users
      .map((user) => ({
        ...user,
        roles: rolesOf(user.id).sort(),
        groups: groupsOf(user.id).sort(),
        identities: identitiesOf(user.id).sort((a, b) => compare(a.issuer, b.issuer) || compare(a.sub, b.sub)),
      }))
      .sort((a, b) => compare(a.id, b.id)),
  };
}

type Table = keyof typeof TABLES;
type Reading<T extends Table, V> = (text: (column: keyof (typeof TABLES)[T] & string) => string, row: Row) => V;

async function readTable<T extends Table, V>(ask: Ask, table: T, read: Reading<T, V>): Promise<V[]> {
  const lengths: Readonly<Record<string, number>> = TABLES[table];
  const columns = Object.entries(lengths).map(([column, length]) => selectText(column, length));
  const rows = await ask(`SELECT ${columns.join(', ')} FROM ${table} LIMIT ${MAX_ROWS + 1}`);
  if (rows.length > MAX_ROWS) throw unavailable(TENANT_DATABASE, 'has too many rows');
  return rows.map((row) => read((column) => readRequiredText(row, column, lengths[column] ?? 0), row));
}

/** Maps each key to its values. Sorted here and not by the database, so that the order never depends on it. */
async function readLinks<T extends Table, V>(
  ask: Ask,
  table: T,
  key: keyof (typeof TABLES)[T] & string,
  read: Reading<T, V>,
): Promise<(key: string) => V[]> {
  const values = new Map<string, V[]>();
  for (const [from, value] of await readTable(ask, table, (text, row) => [text(key), read(text, row)] as const)) {
    const known = values.get(from);
    if (known === undefined) values.set(from, [value]);
    else known.push(value);
  }
  return (from) => values.get(from) ?? [];
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
