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
import { Directory1764000000001 } from './migrations/1764000000001-directory.ts';

/** The schema of a tenant's database for provisioning. Servers read it by plain statements (grants-query.ts). */
export const DIRECTORY_SCHEMA: Schema = Object.freeze({
  entities: [
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
  ],
  migrations: [Directory1764000000001],
});
