import { type EntityManager, type FindOptionsWhere, In } from 'typeorm';
import { assertKept } from '../../database/read-back.ts';
import type { RowOf } from '../../database/schema.ts';
import { TENANT_DATABASE } from '../../tenancy/tenant-database.ts';
import { parseEmail } from '../../domain/email.ts';
import type { DirectoryChanges, Group, Role, Scope, User } from './directory-state.ts';
import {
  RoleEntity,
  RoleScopeEntity,
  ScopeEntity,
  UserGroupEntity,
  UserGroupRoleEntity,
} from './entities/grant.entity.ts';
import { slices } from './slices.ts';
import { UserEntity, UserGroupMemberEntity, UserIdentityEntity, UserRoleEntity } from './entities/user.entity.ts';

/**
 * Writes in an order that violates no foreign key and no unique address: first deletions, users with all their links; then rows that others refer to;
 * then rows that refer to them. Roles, groups and scopes that stay are never deleted, because that would delete their links.
 */
export async function writeDirectory(manager: EntityManager, changes: DirectoryChanges): Promise<void> {
  const { scopes, roles, groups, users } = changes;
  // Users are deleted and inserted again with their links, because two may have swapped addresses.
  await deleteBy(manager, UserEntity, 'id', [...users.remove, ...users.put.map(({ id }) => id)]);
  await deleteBy(manager, UserGroupEntity, 'name', groups.remove);
  await deleteBy(manager, RoleEntity, 'name', roles.remove);
  await deleteBy(manager, ScopeEntity, 'name', scopes.remove);
  await deleteBy(manager, RoleScopeEntity, 'roleName', roles.put.map(nameOf));
  await deleteBy(manager, UserGroupRoleEntity, 'groupName', groups.put.map(nameOf));

  await put(manager, ScopeEntity, scopes.put.map(scopeRow));
  await put(manager, RoleEntity, roles.put.map(nameRow));
  await insert(manager, RoleScopeEntity, roles.put.flatMap(scopeLinks));
  await put(manager, UserGroupEntity, groups.put.map(nameRow));
  await insert(manager, UserGroupRoleEntity, groups.put.flatMap(roleLinks));
  await insert(manager, UserEntity, users.put.map(userRow));
  await insert(manager, UserIdentityEntity, users.put.flatMap(identityRows));
  await insert(manager, UserRoleEntity, users.put.flatMap(userRoleLinks));
  await insert(manager, UserGroupMemberEntity, users.put.flatMap(memberLinks));
  await assertAllKept(manager, changes);
}

async function assertAllKept(manager: EntityManager, { scopes, roles, groups, users }: DirectoryChanges) {
  const names = (entries: readonly { readonly name: string }[]) => entries.map(nameOf);
  const ids = users.put.map(({ id }) => id);
  await kept(manager, ScopeEntity, 'name', names(scopes.put), scopes.put.map(scopeRow));
  await kept(manager, RoleEntity, 'name', names(roles.put), roles.put.map(nameRow));
  await kept(manager, RoleScopeEntity, 'roleName', names(roles.put), roles.put.flatMap(scopeLinks));
  await kept(manager, UserGroupEntity, 'name', names(groups.put), groups.put.map(nameRow));
  await kept(manager, UserGroupRoleEntity, 'groupName', names(groups.put), groups.put.flatMap(roleLinks));
  await kept(manager, UserEntity, 'id', ids, users.put.map(userRow));
  await kept(manager, UserIdentityEntity, 'userId', ids, users.put.flatMap(identityRows));
  await kept(manager, UserRoleEntity, 'userId', ids, users.put.flatMap(userRoleLinks));
  await kept(manager, UserGroupMemberEntity, 'userId', ids, users.put.flatMap(memberLinks));
}

/** @param property the property that holds the keys; `rows` are all rows of these keys */
async function kept<E extends object>(
  manager: EntityManager,
  entity: new () => E,
  property: keyof E & string,
  keys: readonly string[],
  rows: readonly RowOf<E>[],
): Promise<void> {
  for (const some of slices(keys)) {
    const wanted: ReadonlySet<unknown> = new Set(some);
    const where = { [property]: In([...some]) } as FindOptionsWhere<E>;
    await assertKept(
      manager,
      TENANT_DATABASE,
      entity,
      where,
      rows.filter((row) => wanted.has(row[property])),
    );
  }
}

function scopeRow({ name, resource }: Scope): RowOf<ScopeEntity> {
  return { name, resource: resource ?? null };
}

function nameRow({ name }: { readonly name: string }): RowOf<RoleEntity> {
  return { name };
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function scopeLinks({ name, scopes }: Role): RowOf<RoleScopeEntity>[] {
  return scopes.map((scopeName) => ({ roleName: name, scopeName }));
}

function roleLinks({ name, roles }: Group): RowOf<UserGroupRoleEntity>[] {
  return roles.map((roleName) => ({ groupName: name, roleName }));
}

function userRow({ id, email, status }: User): RowOf<UserEntity> {
  // Only SQL writes an address that does not parse. No lookup finds it, and its user can still be disabled.
  const { original, canonical } = parseEmail(email) ?? { original: email, canonical: email };
  return { id, email: original, emailCanonical: canonical, status };
}

function identityRows({ id, identities }: User): RowOf<UserIdentityEntity>[] {
  return identities.map(({ issuer, sub }) => ({ issuer, sub, userId: id }));
}

function userRoleLinks({ id, roles }: User): RowOf<UserRoleEntity>[] {
  return roles.map((roleName) => ({ userId: id, roleName }));
}

function memberLinks({ id, groups }: User): RowOf<UserGroupMemberEntity>[] {
  return groups.map((groupName) => ({ userId: id, groupName }));
}

async function deleteBy<E extends object>(
  manager: EntityManager,
  entity: new () => E,
  property: keyof E & string,
  values: readonly string[],
): Promise<void> {
  for (const some of slices(values)) await manager.delete(entity, { [property]: In([...some]) });
}

/**
 * Inserts rows that were deleted before. Never an upsert: MySQL's updates whichever row has any of the unique values, so a second user with the same
 * address or linked identity would silently overwrite the first.
 */
async function insert<E extends object>(
  manager: EntityManager,
  entity: new () => E,
  rows: readonly RowOf<E>[],
): Promise<void> {
  for (const some of slices(rows))
    await manager
      .createQueryBuilder()
      .insert()
      .into(entity)
      .values(some as never)
      .updateEntity(false)
      .execute();
}

/** Inserts, or overwrites the row with the same key. Only for tables whose only unique value is that key. */
async function put<E extends object>(
  manager: EntityManager,
  entity: new () => E,
  rows: readonly RowOf<E>[],
): Promise<void> {
  const keys = manager.dataSource.getMetadata(entity).primaryColumns.map((column) => column.propertyName);
  for (const some of slices(rows))
    await manager.upsert(entity, some as never, { conflictPaths: keys, skipUpdateIfNoValuesChanged: false });
}
