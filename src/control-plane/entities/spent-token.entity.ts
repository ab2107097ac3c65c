import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { ID_LENGTH, ISSUER_LENGTH } from './tenant.entity.ts';

/** SHA-256 in base64url. */
export const SPENT_TOKEN_ID_LENGTH = 43;

/** A subject token that was exchanged. The primary key ensures that each is redeemed only once. */
@Entity('spent_tokens')
export class SpentTokenEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ type: 'varchar', length: ISSUER_LENGTH })
  issuer!: string;

  @PrimaryColumn({ name: 'token_id', type: 'varchar', length: SPENT_TOKEN_ID_LENGTH })
  tokenId!: string;

  /** Epoch seconds. From then on, the token is refused because of its age, so the row is no longer needed. */
  @Index('spent_tokens_until')
  @Column({ name: 'until_seconds', type: 'bigint' })
  untilSeconds!: number;
}
