import type { MigrationInterface, QueryRunner } from 'typeorm';
import { directoryTables } from './directory-tables.ts';

/**
 * Creates a tenant's directory with the layout `plain`. Only databases that earlier versions made have it.
 *
 * MySQL commits after every statement that changes a schema, so each step does nothing if a killed migration did it before.
 */
export class Directory1764000000001 implements MigrationInterface {
  readonly name = 'Directory1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of directoryTables(runner, '')) await runner.createTable(table, true);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of directoryTables(runner, '').reverse()) await runner.dropTable(table, true);
  }
}
