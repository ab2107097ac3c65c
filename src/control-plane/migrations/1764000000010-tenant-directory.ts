import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';
import { columnsFor } from '../../database/migration-columns.ts';

/** Adds the kind of a tenant's directory. It only adds, so a server of the previous version keeps working. */
export class TenantDirectory1764000000010 implements MigrationInterface {
  readonly name = 'TenantDirectory1764000000010';

  async up(runner: QueryRunner): Promise<void> {
    if (!(await runner.hasColumn('tenants', 'directory'))) await runner.addColumn('tenants', column(runner));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('tenants', 'directory');
  }
}

function column(runner: QueryRunner): TableColumn {
  return new TableColumn(columnsFor(runner).ascii('directory', 16, { isNullable: true }));
}
