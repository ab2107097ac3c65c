import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { ID_LENGTH, SUBJECT_ID_LENGTH } from './tenant.entity.ts';

/** What of a tenant's tokens is good no more, until the last of them is dead by its own time. */
@Entity('revocations')
export class RevocationEntity {
  /** From the one row of `revocation_sequence`. */
  @PrimaryColumn({ type: 'bigint' })
  seq!: number;

  @Column({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @Column({ type: 'varchar', length: 16 })
  kind!: string;

  /** jti, sub, client_id, kid, or `*`. */
  @Column({ name: 'revoked_id', type: 'varchar', length: SUBJECT_ID_LENGTH })
  revokedId!: string;

  /** Epoch seconds; null: however late a token was issued. */
  @Column({ name: 'before_seconds', type: 'bigint', nullable: true })
  beforeSeconds!: number | null;

  /** Epoch seconds: after them the row is of no use. */
  @Index('revocations_until')
  @Column({ name: 'until_seconds', type: 'bigint' })
  untilSeconds!: number;

  /** With `clientId`: the client that revoked; null: an operator. */
  @Column({ name: 'project_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  projectId!: string | null;

  @Column({ name: 'client_id', type: 'varchar', length: ID_LENGTH, nullable: true })
  clientId!: string | null;

  /** Of a client's revocation: when the latest token that it ends by name was issued, epoch seconds. */
  @Column({ name: 'issued_seconds', type: 'bigint', nullable: true })
  issuedSeconds!: number | null;

  /** How many earlier entries of the client it stands for; null: it stands for itself. */
  @Column({ type: 'integer', nullable: true })
  replaces!: number | null;
}

/** What a client, or with empty ids all clients of a tenant, have used of what they may revoke. */
@Entity('revocation_quotas')
export class RevocationQuotaEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ name: 'project_id', type: 'varchar', length: ID_LENGTH })
  projectId!: string;

  @PrimaryColumn({ name: 'client_id', type: 'varchar', length: ID_LENGTH })
  clientId!: string;

  /** When all that was used is free again. */
  @Column({ name: 'used_until_ms', type: 'bigint' })
  usedUntilMs!: number;
}

/** One row. Whoever raises it holds its lock until the commit, so that no number is seen before all smaller ones are. */
@Entity('revocation_sequence')
export class RevocationSequenceEntity {
  @PrimaryColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'bigint' })
  value!: number;
}
