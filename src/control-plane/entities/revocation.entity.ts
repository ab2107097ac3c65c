import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { ID_LENGTH, SUBJECT_ID_LENGTH } from './tenant.entity.ts';

/** Revoked tokens of a tenant. A row is kept until the last of its tokens has expired. */
@Entity('revocations')
export class RevocationEntity {
  /** Taken from the row of `revocation_sequence`. */
  @PrimaryColumn({ type: 'bigint' })
  seq!: number;

  @Column({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @Column({ type: 'varchar', length: 16 })
  kind!: string;

  /** jti, sub, client_id, kid, or `*`. */
  @Column({ name: 'revoked_id', type: 'varchar', length: SUBJECT_ID_LENGTH })
  revokedId!: string;

  /** Epoch seconds; null: all tokens, however late they were issued. */
  @Column({ name: 'before_seconds', type: 'bigint', nullable: true })
  beforeSeconds!: number | null;

  /** Epoch seconds. After this time the row is no longer needed. */
  @Index('revocations_until')
  @Column({ name: 'until_seconds', type: 'bigint' })
  untilSeconds!: number;

  /** With `clientId`: the client that revoked; null: an operator. */
  @Column({ name: 'project_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  projectId!: string | null;

  @Column({ name: 'client_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  clientId!: string | null;

  /** For a client's revocation: when the latest token that it revokes by id was issued, epoch seconds. */
  @Column({ name: 'issued_seconds', type: 'bigint', nullable: true })
  issuedSeconds!: number | null;

  /** How many earlier entries of the client it replaces; null: none. */
  @Column({ type: 'integer', nullable: true })
  replaces!: number | null;
}

/** How much of its revocation quota a client has used or, with empty ids, all clients of a tenant together. */
@Entity('revocation_quotas')
export class RevocationQuotaEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ name: 'project_id', type: 'varchar', length: ID_LENGTH })
  projectId!: string;

  @PrimaryColumn({ name: 'client_id', type: 'varchar', length: ID_LENGTH })
  clientId!: string;

  /** When the whole quota is available again. */
  @Column({ name: 'used_until_ms', type: 'bigint' })
  usedUntilMs!: number;
}

/** One row. Incrementing it locks it until the commit, so that no number is visible before all smaller ones are. */
@Entity('revocation_sequence')
export class RevocationSequenceEntity {
  @PrimaryColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'bigint' })
  value!: number;
}
