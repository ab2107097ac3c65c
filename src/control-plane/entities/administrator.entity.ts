import { Column, Entity, PrimaryColumn } from 'typeorm';
import { EMAIL_LENGTH, ID_LENGTH, ISSUER_LENGTH, SUB_LENGTH, SUBJECT_ID_LENGTH } from './tenant.entity.ts';

@Entity('administrators')
export class AdministratorEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ type: 'varchar', length: SUBJECT_ID_LENGTH })
  id!: string;

  @Column({ type: 'varchar', length: EMAIL_LENGTH })
  email!: string;

  /** ASCII lower case, made by the service, so that no database collation decides which addresses are equal. */
  @Column({ name: 'email_canonical', type: 'varchar', length: EMAIL_LENGTH })
  emailCanonical!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: string;

  @Column({ type: 'text' })
  roles!: string;

  @Column({ type: 'text' })
  scopes!: string;
}

@Entity('administrator_identities')
export class AdministratorIdentityEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  /** The issuer's URL. */
  @PrimaryColumn({ type: 'varchar', length: ISSUER_LENGTH })
  issuer!: string;

  @PrimaryColumn({ type: 'varchar', length: SUB_LENGTH })
  sub!: string;

  @Column({ name: 'administrator_id', type: 'varchar', length: SUBJECT_ID_LENGTH })
  administratorId!: string;
}
