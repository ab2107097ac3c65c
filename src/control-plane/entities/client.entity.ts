import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ID_LENGTH, URL_LENGTH } from './tenant.entity.ts';

/** Lists and choices are JSON: they are read and written as a whole, and no query uses their content. */
@Entity('clients')
export class ClientEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ name: 'project_id', type: 'varchar', length: ID_LENGTH })
  projectId!: string;

  @PrimaryColumn({ type: 'varchar', length: ID_LENGTH })
  id!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: string;

  /** `{"kind":"confidential"}` or `{"kind":"secretless","networks":[…]}` */
  @Column({ type: 'text' })
  policy!: string;

  @Column({ type: 'text' })
  surfaces!: string;

  @Column({ type: 'varchar', length: URL_LENGTH })
  audience!: string;

  /** A list, or `"unbounded"`. */
  @Column({ type: 'text' })
  scopes!: string;

  /** `{"domains":[…]}`, or `"any"`. */
  @Column({ type: 'text' })
  subjects!: string;

  @Column({ name: 'ttl_seconds', type: 'integer', nullable: true })
  ttlSeconds!: number | null;

  /** What the client may do at the token endpoint; null: only what every client may. */
  @Column({ name: 'token_endpoint', type: 'text', nullable: true })
  tokenEndpoint!: string | null;
}
