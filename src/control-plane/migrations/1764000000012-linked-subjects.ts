import type { MigrationInterface, QueryRunner } from 'typeorm';
import { narrowSub, widenSub } from '../../database/widen-sub.ts';

/** Lets administrators be linked to any `sub`: spaces and other letters than those of ASCII included. */
export class LinkedSubjects1764000000012 implements MigrationInterface {
  readonly name = 'LinkedSubjects1764000000012';

  up(runner: QueryRunner): Promise<void> {
    return widenSub(runner, 'administrator_identities');
  }

  down(runner: QueryRunner): Promise<void> {
    return narrowSub(runner, 'administrator_identities');
  }
}
