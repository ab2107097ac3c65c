import type { MigrationInterface, QueryRunner } from 'typeorm';
import { narrowSub, widenSub } from '../../../database/widen-sub.ts';
import { TABLE_PREFIX } from '../../../tenancy/relations/directory-relations.ts';

/** Lets users be linked to any `sub`: spaces and other letters than those of ASCII included. */
export class LinkedSubjects1764000000012 implements MigrationInterface {
  readonly name: string = 'LinkedSubjects1764000000012';
  protected readonly table: string = `${TABLE_PREFIX}user_identities`;

  up(runner: QueryRunner): Promise<void> {
    return widenSub(runner, this.table);
  }

  down(runner: QueryRunner): Promise<void> {
    return narrowSub(runner, this.table);
  }
}

/** The same for the layout `plain`. */
export class PlainLinkedSubjects1764000000012 extends LinkedSubjects1764000000012 {
  override readonly name = 'PlainLinkedSubjects1764000000012';
  protected override readonly table = 'user_identities';
}
