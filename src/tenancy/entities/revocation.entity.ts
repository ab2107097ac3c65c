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
}

/** One row. Whoever raises it holds its lock until the commit, so that no number is seen before all smaller ones are. */
@Entity('revocation_sequence')
export class RevocationSequenceEntity {
  @PrimaryColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'bigint' })
  value!: number;
}
