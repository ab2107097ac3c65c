import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Column lengths of ids and names. MySQL needs a number; the parsers have checked them before. */
export const ID_LENGTH = 64;
export const SUBJECT_ID_LENGTH = 128;
export const STATUS_LENGTH = 16;
export const GRANT_NAME_LENGTH = 128;
export const EMAIL_LENGTH = 254;
/** In bytes: with `sub` and a tenant's id 1,596, of the 3,072 that InnoDB can index. */
export const ISSUER_LENGTH = 512;
/** In characters of UTF-8. OpenID Connect Core 1.0, section 2, has 255 of ASCII; providers do not keep to ASCII. */
export const SUB_LENGTH = 255;
export const URL_LENGTH = 2048;

/** A tenant, or the tombstone of a removed one. */
@Entity('tenants')
export class TenantEntity {
  @PrimaryColumn({ type: 'varchar', length: ID_LENGTH })
  id!: string;

  /** The change sequence's value at the last change of anything of this tenant. */
  @Column({ type: 'bigint' })
  version!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: string;

  @Column({ name: 'removed_at_ms', type: 'bigint', nullable: true })
  removedAtMs!: number | null;

  @Column({ name: 'database_driver', type: 'varchar', length: 16 })
  databaseDriver!: string;

  @Column({ name: 'database_host', type: 'varchar', length: 255, nullable: true })
  databaseHost!: string | null;

  @Column({ name: 'database_port', type: 'integer', nullable: true })
  databasePort!: number | null;

  @Column({ name: 'database_name', type: 'varchar', length: 64, nullable: true })
  databaseName!: string | null;

  /** `managed` or `external`; null in rows of earlier versions: managed. */
  @Column({ type: 'varchar', length: 16, nullable: true })
  directory!: string | null;

  @Column({ name: 'token_algorithm', type: 'varchar', length: 16 })
  tokenAlgorithm!: string;

  @Column({ name: 'token_ttl_seconds', type: 'integer' })
  tokenTtlSeconds!: number;
}
