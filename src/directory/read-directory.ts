import type { EntityManager } from 'typeorm';
import type { DirectoryState } from './directory-state.ts';
import {
  RoleEntity,
  RoleScopeEntity,
  ScopeEntity,
  UserGroupEntity,
  UserGroupRoleEntity,
} from './entities/grant.entity.ts';
import { UserEntity, UserGroupMemberEntity, UserIdentityEntity, UserRoleEntity } from './entities/user.entity.ts';

export async function readDirectory(manager: EntityManager): Promise<DirectoryState> {
  const scopes = await manager.find(ScopeEntity);
  const roles = await manager.find(RoleEntity);
  const groups = await manager.find(UserGroupEntity);
  const users = await manager.find(UserEntity);
  const scopesOf = links(
    await manager.find(RoleScopeEntity),
    ({ roleName }) => roleName,
    ({ scopeName }) => scopeName,
  );
  const rolesOfGroup = links(
    await manager.find(UserGroupRoleEntity),
    ({ groupName }) => groupName,
    ({ roleName }) => roleName,
  );
  const rolesOf = links(
    await manager.find(UserRoleEntity),
    ({ userId }) => userId,
    ({ roleName }) => roleName,
  );
  const groupsOf = links(
    await manager.find(UserGroupMemberEntity),
    ({ userId }) => userId,
    ({ groupName }) => groupName,
  );
  const identitiesOf = links(
    await manager.find(UserIdentityEntity),
    ({ userId }) => userId,
    ({ issuer, sub }) => ({ issuer, sub }),
  );
  return {
    scopes: scopes.map(({ name, resource }) => ({ name, resource: resource ?? undefined })).sort(byName),
    roles: roles.map(({ name }) => ({ name, scopes: scopesOf(name).sort() })).sort(byName),
    groups: groups.map(({ name }) => ({ name, roles: rolesOfGroup(name).sort() })).sort(byName),
    users: users
      .map(({ id, email, status }) => ({
        id,
        email,
        status: status === 'active' ? ('active' as const) : ('disabled' as const),
        roles: rolesOf(id).sort(),
        groups: groupsOf(id).sort(),
        identities: identitiesOf(id).sort((a, b) => compare(a.issuer, b.issuer) || compare(a.sub, b.sub)),
      }))
      .sort((a, b) => compare(a.id, b.id)),
  };
}

/** From a key to its values. Sorting is done here and not by a database, so that every one gives the same order. */
function links<R, V>(rows: readonly R[], keyOf: (row: R) => string, valueOf: (row: R) => V): (key: string) => V[] {
  const values = new Map<string, V[]>();
  for (const row of rows) {
    const known = values.get(keyOf(row));
    if (known === undefined) values.set(keyOf(row), [valueOf(row)]);
    else known.push(valueOf(row));
  }
  return (key) => values.get(key) ?? [];
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
