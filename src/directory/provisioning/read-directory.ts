import { unavailable } from '../../errors/tessera-error.ts';
import type { Row, SqlValue } from '../../database/database.ts';
import {
  EMAIL_LENGTH,
  GRANT_NAME_LENGTH,
  ISSUER_LENGTH,
  STATUS_LENGTH,
  SUB_LENGTH,
  SUBJECT_ID_LENGTH,
} from '../../control-plane/entities/tenant.entity.ts';
import { readText, readRequiredText } from '../bounded-text.ts';
import { columnsOf } from '../relation-columns.ts';
import type { DirectoryRelations } from '../../tenancy/relations/directory-relations.ts';
import { TENANT_DATABASE } from '../../tenancy/tenant-database.ts';
import type { DirectoryState, Group, Role, Scope, User } from './directory-state.ts';
import { readStatus } from '../../domain/status.ts';
import { slices } from './slices.ts';

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

/** Runs a SELECT on one snapshot of a directory, whose relations it names. */
export interface Ask {
  (select: string, parameters?: readonly SqlValue[]): Promise<readonly Row[]>;
  readonly relations: DirectoryRelations;
}

/** Part of a table: what follows its name, which is `t`, in the SELECT. */
interface Slice {
  readonly where: string;
  readonly parameters: readonly SqlValue[];
  /** At most this many rows; undefined: more than `MAX_ROWS` are an error. */
  readonly limit?: number;
}

const ALL: Slice = { where: '', parameters: [] };

/** Reads the whole directory. The tenant controls the database, so everything read is limited and validated. */
export async function readDirectory(ask: Ask): Promise<DirectoryState> {
  return {
    scopes: await readScopes(ask),
    roles: await readRoles(ask),
    groups: await readGroups(ask),
    users: (await withLinks(ask, await readUserRows(ask, ALL), [ALL])).sort((a, b) => compare(a.id, b.id)),
  };
}

/** @param names default: all. Names that no scope has are left out. */
export async function readScopes(ask: Ask, names?: readonly string[]): Promise<Scope[]> {
  const scopes = await readParts(
    ask,
    'scopes',
    (text, row) => ({ name: text('name'), resource: readText(row, 'resource', GRANT_NAME_LENGTH) }),
    partsWith('name', names),
  );
  return scopes.sort(byName);
}

/** @param names default: all. Names that no role has are left out. */
export async function readRoles(ask: Ask, names?: readonly string[]): Promise<Role[]> {
  const roles = await readParts(ask, 'roles', (text) => text('name'), partsWith('name', names));
  const links = partsWith('role_name', names);
  const scopesOf = await readLinks(ask, 'role_scopes', 'role_name', (text) => text('scope_name'), links);
  return roles.map((name) => ({ name, scopes: scopesOf(name).sort() })).sort(byName);
}

/** @param names default: all. Names that no group has are left out. */
export async function readGroups(ask: Ask, names?: readonly string[]): Promise<Group[]> {
  const groups = await readParts(ask, 'user_groups', (text) => text('name'), partsWith('name', names));
  const links = partsWith('group_name', names);
  const rolesOf = await readLinks(ask, 'user_group_roles', 'group_name', (text) => text('role_name'), links);
  return groups.map((name) => ({ name, roles: rolesOf(name).sort() })).sort(byName);
}

/**
 * Reads the next users in the order of the database. Only they are in memory, however many there are.
 *
 * @param after the id of the last one before; undefined from the first
 */
export async function readUsersAfter(ask: Ask, after: string | undefined, limit: number): Promise<User[]> {
  const where = after === undefined ? 'ORDER BY t.id' : 'WHERE t.id > ? ORDER BY t.id';
  return readSomeUsers(ask, { where, parameters: after === undefined ? [] : [after], limit });
}

export async function readUser(ask: Ask, id: string): Promise<User | undefined> {
  const [user] = await readUsersById(ask, [id]);
  return user;
}

/** Ids that no user has are left out. */
export async function readUsersById(ask: Ask, ids: readonly string[]): Promise<User[]> {
  const wanted = new Set(ids);
  const users: User[] = [];
  for (const some of slices(ids)) users.push(...(await readSomeUsers(ask, withKeys('id', some))));
  // An application's collation may take several ids as equal.
  return users.filter(({ id }) => wanted.has(id));
}

/** The ids of the first users that have the role, or are in the group, in the order of the database. */
export function readHolders(ask: Ask, of: 'role' | 'group', name: string, limit: number): Promise<string[]> {
  const slice = (column: string): Slice => ({
    where: `WHERE t.${column} = ? ORDER BY t.user_id`,
    parameters: [name],
    limit,
  });
  return of === 'role'
    ? readTable(ask, 'user_roles', (text) => text('user_id'), slice('role_name'))
    : readTable(ask, 'user_group_members', (text) => text('user_id'), slice('group_name'));
}

async function readSomeUsers(ask: Ask, slice: Slice): Promise<User[]> {
  const users = await readUserRows(ask, slice);
  return withLinks(
    ask,
    users,
    partsWith(
      'user_id',
      users.map(({ id }) => id),
    ),
  );
}

/** @param keys undefined: all */
function partsWith(column: string, keys: readonly string[] | undefined): readonly Slice[] {
  return keys === undefined ? [ALL] : Array.from(slices(keys), (some) => withKeys(column, some));
}

function withKeys(column: string, keys: readonly string[]): Slice {
  return { where: `WHERE t.${column} IN (${keys.map(() => '?').join(', ')})`, parameters: keys };
}

type UserRow = Pick<User, 'id' | 'email' | 'status'>;

function readUserRows(ask: Ask, slice: Slice): Promise<UserRow[]> {
  return readTable(
    ask,
    'users',
    (text, row) => ({
      id: text('id'),
      email: text('email'),
      status: readStatus(readText(row, 'status', STATUS_LENGTH)),
    }),
    slice,
  );
}

/** @param links the parts of the tables of links that belong to these users */
async function withLinks(ask: Ask, users: readonly UserRow[], links: readonly Slice[]): Promise<User[]> {
  const rolesOf = await readLinks(ask, 'user_roles', 'user_id', (text) => text('role_name'), links);
  const groupsOf = await readLinks(ask, 'user_group_members', 'user_id', (text) => text('group_name'), links);
  const identitiesOf = await readLinks(
    ask,
    'user_identities',
    'user_id',
    (text) => ({ issuer: text('issuer'), sub: text('sub') }),
    links,
  );
  return users.map((user) => ({
    ...user,
    roles: rolesOf(user.id).sort(),
    groups: groupsOf(user.id).sort(),
    identities: identitiesOf(user.id).sort((a, b) => compare(a.issuer, b.issuer) || compare(a.sub, b.sub)),
  }));
}

type Table = keyof typeof TABLES;
type Reading<T extends Table, V> = (text: (column: keyof (typeof TABLES)[T] & string) => string, row: Row) => V;

async function readTable<T extends Table, V>(
  ask: Ask,
  table: T,
  read: Reading<T, V>,
  { where, parameters, limit }: Slice = ALL,
): Promise<V[]> {
  const lengths: Readonly<Record<string, number>> = TABLES[table];
  const { text } = columnsOf(ask.relations);
  const columns = Object.entries(lengths).map(([column, length]) => text(`t.${column}`, length, column));
  const rows = await ask(
    `SELECT ${columns.join(', ')} FROM ${ask.relations.from[table]} t ${where} LIMIT ${limit ?? MAX_ROWS + 1}`,
    parameters,
  );
  if (rows.length > MAX_ROWS) throw unavailable(TENANT_DATABASE, 'has too many rows');
  return rows.map((row) => read((column) => readRequiredText(row, column, lengths[column] ?? 0), row));
}

async function readParts<T extends Table, V>(
  ask: Ask,
  table: T,
  read: Reading<T, V>,
  parts: readonly Slice[],
): Promise<V[]> {
  const values: V[] = [];
  for (const part of parts) for (const value of await readTable(ask, table, read, part)) values.push(value);
  return values;
}

/** Maps each key to its values. Sorted here and not by the database, so that the order never depends on it. */
async function readLinks<T extends Table, V>(
  ask: Ask,
  table: T,
  key: keyof (typeof TABLES)[T] & string,
  read: Reading<T, V>,
  parts: readonly Slice[] = [ALL],
): Promise<(key: string) => V[]> {
  const values = new Map<string, V[]>();
  for (const [from, value] of await readParts(
    ask,
    table,
    (text, row) => [text(key), read(text, row)] as const,
    parts,
  )) {
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
