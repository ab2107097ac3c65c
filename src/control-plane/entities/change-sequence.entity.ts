import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One row. Incrementing it locks it until the commit, so that the order of numbers is the order of commits. */
@Entity('change_sequence')
export class ChangeSequenceEntity {
  @PrimaryColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'bigint' })
  value!: number;
}
