import { Column, Entity, PrimaryColumn } from 'typeorm';
import {
  EMAIL_LENGTH,
  GRANT_NAME_LENGTH,
  ISSUER_LENGTH,
  SUB_LENGTH,
  SUBJECT_ID_LENGTH,
} from '../../../control-plane/entities/tenant.entity.ts';

@Entity('users')
export class UserEntity {
  @PrimaryColumn({ type: 'varchar', length: SUBJECT_ID_LENGTH })
  id!: string;

  /** As it was written; tokens contain this form. */
  @Column({ type: 'varchar', length: EMAIL_LENGTH })
  email!: string;

  /** ASCII lower case; users are looked up by this form. */
  @Column({ name: 'email_canonical', type: 'varchar', length: EMAIL_LENGTH })
  emailCanonical!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: string;
}

@Entity('user_identities')
export class UserIdentityEntity {
  /** The issuer's URL. */
  @PrimaryColumn({ type: 'varchar', length: ISSUER_LENGTH })
  issuer!: string;

  @PrimaryColumn({ type: 'varchar', length: SUB_LENGTH })
  sub!: string;

  @Column({ name: 'user_id', type: 'varchar', length: SUBJECT_ID_LENGTH })
  userId!: string;
}

@Entity('user_roles')
export class UserRoleEntity {
  @PrimaryColumn({ name: 'user_id', type: 'varchar', length: SUBJECT_ID_LENGTH })
  userId!: string;

  @PrimaryColumn({ name: 'role_name', type: 'varchar', length: GRANT_NAME_LENGTH })
  roleName!: string;
}

@Entity('user_group_members')
export class UserGroupMemberEntity {
  @PrimaryColumn({ name: 'user_id', type: 'varchar', length: SUBJECT_ID_LENGTH })
  userId!: string;

  @PrimaryColumn({ name: 'group_name', type: 'varchar', length: GRANT_NAME_LENGTH })
  groupName!: string;
}
