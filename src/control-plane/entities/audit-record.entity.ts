import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { ID_LENGTH, SUBJECT_ID_LENGTH } from './tenant.entity.ts';

@Entity('audit_records')
export class AuditRecordEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: number;

  @Column({ name: 'at_ms', type: 'bigint' })
  atMs!: number;

  @Column({ name: 'request_id', type: 'varchar', length: 128 })
  requestId!: string;

  @Column({ type: 'varchar', length: 128 })
  route!: string;

  @Column({ type: 'varchar', length: 64 })
  source!: string;

  @Column({ type: 'varchar', length: 64 })
  outcome!: string;

  @Column({ type: 'varchar', length: 255, nullable: true })
  reason!: string | null;

  @Column({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  tenantId!: string | null;

  @Column({ name: 'project_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  projectId!: string | null;

  @Column({ name: 'client_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  clientId!: string | null;

  @Column({ name: 'subject_id', type: 'varchar', length: SUBJECT_ID_LENGTH, nullable: true })
  subjectId!: string | null;

  @Column({ name: 'token_id', type: 'varchar', length: 128, nullable: true })
  tokenId!: string | null;

  @Column({ name: 'key_id', type: 'varchar', length: 128, nullable: true })
  keyId!: string | null;

  @Column({ name: 'secret_id', type: 'varchar', length: 128, nullable: true })
  secretId!: string | null;

  /** A keyed digest of an address that nobody has. */
  @Column({ name: 'subject_digest', type: 'varchar', length: 64, nullable: true })
  subjectDigest!: string | null;

  /** JSON, only for changes by command and for requests of the token endpoint. */
  @Column({ type: 'text', nullable: true })
  details!: string | null;
}
