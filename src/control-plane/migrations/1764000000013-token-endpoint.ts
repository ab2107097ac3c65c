import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';
import { columnsFor } from '../../database/migration-columns.ts';

/** Adds what clients may do at the token endpoint. It only adds, so a server of the previous version keeps working. */
export class TokenEndpoint1764000000013 implements MigrationInterface {
  readonly name = 'TokenEndpoint1764000000013';

  async up(runner: QueryRunner): Promise<void> {
    if (!(await runner.hasColumn('clients', 'token_endpoint'))) await runner.addColumn('clients', column(runner));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('clients', 'token_endpoint');
  }
}

function column(runner: QueryRunner): TableColumn {
  return new TableColumn(columnsFor(runner).text('token_endpoint', { isNullable: true }));
}
