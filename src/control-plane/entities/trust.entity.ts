import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ID_LENGTH, ISSUER_LENGTH, URL_LENGTH } from './tenant.entity.ts';

/** A tenant's trusted issuer. Lists and conditions are JSON. */
@Entity('trusts')
export class TrustEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ type: 'varchar', length: ID_LENGTH })
  id!: string;

  @Column({ type: 'varchar', length: ISSUER_LENGTH })
  issuer!: string;

  @Column({ name: 'jwks_uri', type: 'varchar', length: URL_LENGTH, nullable: true })
  jwksUri!: string | null;

  @Column({ type: 'text' })
  audiences!: string;

  @Column({ type: 'text' })
  algorithms!: string;

  /** `[[claim, [value, …]], …]`, or `"none"`. `[]`, which accepts no token, if the conditions are in `subject`. */
  @Column({ type: 'text' })
  conditions!: string;

  /**
   * `{"match":"email","domains":[…]}` or `{"match":"linked"}`. Other forms stand in `"instead"` of `{"match":"email","domains":[]}`, by which an older server
   * refuses every token of the issuer. With `"types":[…]` if further token types are accepted, `"keyUse":"jwt-svid"` and `"emailVerified":"text_allowed"`: an older server ignores
   * them and refuses such tokens. None of these has a column of its own, which avoids a migration.
   * Members that an older server would have to know in order to refuse are in `"narrowed":{"azp":[…],"audienceClaim":…,"conditions":[…]}`, and then
   * `conditions` is `[]`.
   */
  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'text' })
  clients!: string;

  @Column({ type: 'text' })
  surfaces!: string;

  @Column({ name: 'max_age_seconds', type: 'integer' })
  maxAgeSeconds!: number;

  @Column({ name: 'max_lifetime_seconds', type: 'integer' })
  maxLifetimeSeconds!: number;
}
