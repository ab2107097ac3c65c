import type { Schema } from '../../database/schema.ts';
import {
  OwnerEntity,
  RoleEntity,
  RoleScopeEntity,
  ScopeEntity,
  UserGroupEntity,
  UserGroupRoleEntity,
} from './entities/grant.entity.ts';
import { UserEntity, UserGroupMemberEntity, UserIdentityEntity, UserRoleEntity } from './entities/user.entity.ts';
import { type DirectoryRelations, TABLE_PREFIX } from '../../tenancy/relations/directory-relations.ts';
import { Directory1764000000001 } from './migrations/1764000000001-directory.ts';
import { PrefixedDirectory1764000000011 } from './migrations/1764000000011-prefixed-directory.ts';
import {
  LinkedSubjects1764000000012,
  PlainLinkedSubjects1764000000012,
} from './migrations/1764000000012-linked-subjects.ts';

const entities: Schema['entities'] = Object.freeze([
  OwnerEntity,
  ScopeEntity,
  RoleEntity,
  RoleScopeEntity,
  UserGroupEntity,
  UserGroupRoleEntity,
  UserEntity,
  UserIdentityEntity,
  UserGroupMemberEntity,
  UserRoleEntity,
]);

/** The schema of a tenant's database for provisioning. Servers read it by plain statements (grants-query.ts). */
export const DIRECTORY_SCHEMA: Schema = Object.freeze({
  entities,
  migrations: [PrefixedDirectory1764000000011, LinkedSubjects1764000000012],
  tablePrefix: TABLE_PREFIX,
});

/** Of the layout `plain`. */
const PLAIN: Schema = Object.freeze({
  entities,
  migrations: [Directory1764000000001, PlainLinkedSubjects1764000000012],
});

export function directorySchema({ layout }: Pick<DirectoryRelations, 'layout'>): Schema {
  return layout === 'plain' ? PLAIN : DIRECTORY_SCHEMA;
}
