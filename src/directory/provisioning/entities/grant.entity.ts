import { Column, Entity, PrimaryColumn } from 'typeorm';
import { GRANT_NAME_LENGTH, ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';

@Entity('scopes')
export class ScopeEntity {
  @PrimaryColumn({ type: 'varchar', length: GRANT_NAME_LENGTH })
  name!: string;

  /** The resource of the scope. */
  @Column({ type: 'varchar', length: GRANT_NAME_LENGTH, nullable: true })
  resource!: string | null;
}

@Entity('roles')
export class RoleEntity {
  @PrimaryColumn({ type: 'varchar', length: GRANT_NAME_LENGTH })
  name!: string;
}

@Entity('role_scopes')
export class RoleScopeEntity {
  @PrimaryColumn({ name: 'role_name', type: 'varchar', length: GRANT_NAME_LENGTH })
  roleName!: string;

  @PrimaryColumn({ name: 'scope_name', type: 'varchar', length: GRANT_NAME_LENGTH })
  scopeName!: string;
}

/** Not `groups`, which is a reserved word of MySQL 8. */
@Entity('user_groups')
export class UserGroupEntity {
  @PrimaryColumn({ type: 'varchar', length: GRANT_NAME_LENGTH })
  name!: string;
}

@Entity('user_group_roles')
export class UserGroupRoleEntity {
  @PrimaryColumn({ name: 'group_name', type: 'varchar', length: GRANT_NAME_LENGTH })
  groupName!: string;

  @PrimaryColumn({ name: 'role_name', type: 'varchar', length: GRANT_NAME_LENGTH })
  roleName!: string;
}

/** One row with the owner of the database. Every read of grants checks it. */
@Entity('tessera_owner')
export class OwnerEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;
}
