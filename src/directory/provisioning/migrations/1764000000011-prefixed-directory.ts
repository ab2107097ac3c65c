import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TABLE_PREFIX } from '../../../tenancy/relations/directory-relations.ts';
import { directoryTables } from './directory-tables.ts';

/**
 * Creates a tenant's directory, with a prefix: the database may have tables of others, and `users` is the first name that they take.
 *
 * MySQL commits after every statement that changes a schema, so each step does nothing if a killed migration did it before.
 */
export class PrefixedDirectory1764000000011 implements MigrationInterface {
  readonly name = 'PrefixedDirectory1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of directoryTables(runner, TABLE_PREFIX)) await runner.createTable(table, true);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of directoryTables(runner, TABLE_PREFIX).reverse()) await runner.dropTable(table, true);
  }
}
