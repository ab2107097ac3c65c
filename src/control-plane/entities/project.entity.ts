import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ID_LENGTH } from './tenant.entity.ts';

@Entity('projects')
export class ProjectEntity {
  @PrimaryColumn({ name: 'tenant_id', type: 'varchar', length: ID_LENGTH })
  tenantId!: string;

  @PrimaryColumn({ type: 'varchar', length: ID_LENGTH })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: string;
}
