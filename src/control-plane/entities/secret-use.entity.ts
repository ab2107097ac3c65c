import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ID_LENGTH } from './tenant.entity.ts';

/** When a client's secret was last used. The id names the secret; it is not the secret itself. */
@Entity('secret_uses')
export class SecretUseEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ name: 'project_id', type: 'varchar', length: ID_LENGTH })
  projectId!: string;

  @PrimaryColumn({ name: 'client_id', type: 'varchar', length: ID_LENGTH })
  clientId!: string;

  @PrimaryColumn({ name: 'secret_id', type: 'varchar', length: 128 })
  secretId!: string;

  @Column({ name: 'last_used_at_ms', type: 'bigint' })
  lastUsedAtMs!: number;
}
