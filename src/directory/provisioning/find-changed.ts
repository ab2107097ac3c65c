import { isDeepStrictEqual } from 'node:util';
import type { DirectoryChanges, DirectoryState } from './directory-state.ts';
import { type Ask, readGroups, readRoles, readScopes, readUsersById } from './read-directory.ts';

/** An entry of a directory. */
export interface EntryName {
  readonly kind: 'scope' | 'role' | 'group' | 'user';
  readonly name: string;
}

/**
 * The first entry that is no longer as it was planned, because somebody changed it by SQL meanwhile. To replace it would undo that change.
 *
 * @param ask locks the rows that it reads. The rows of entries come before their links, so nobody can add a link any more.
 */
export async function findChanged(ask: Ask, { before, ...changes }: DirectoryChanges): Promise<EntryName | undefined> {
  const names = ({
    put,
    remove,
  }: {
    readonly put: readonly { readonly name: string }[];
    readonly remove: readonly string[];
  }) => [...put.map(({ name }) => name), ...remove];
  const ids = [...changes.users.put.map(({ id }) => id), ...changes.users.remove];
  const now: DirectoryState = {
    users: await readUsersById(ask, ids),
    groups: await readGroups(ask, names(changes.groups)),
    roles: await readRoles(ask, names(changes.roles)),
    scopes: await readScopes(ask, names(changes.scopes)),
  };
  return (
    changedOf('user', before.users, now.users, ({ id }) => id) ??
    changedOf('group', before.groups, now.groups, ({ name }) => name) ??
    changedOf('role', before.roles, now.roles, ({ name }) => name) ??
    changedOf('scope', before.scopes, now.scopes, ({ name }) => name)
  );
}

function changedOf<T>(
  kind: EntryName['kind'],
  before: readonly T[],
  now: readonly T[],
  nameOf: (entry: T) => string,
): EntryName | undefined {
  const found = new Map(now.map((entry) => [nameOf(entry), entry]));
  for (const entry of before) {
    const name = nameOf(entry);
    if (!isDeepStrictEqual(entry, found.get(name))) return { kind, name };
    found.delete(name);
  }
  const [added] = found.keys();
  return added === undefined ? undefined : { kind, name: added };
}
