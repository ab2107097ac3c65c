import { type MigrationInterface, type QueryRunner, Table, TableColumn, TableIndex } from 'typeorm';
import { columnsFor } from '../../database/migration-columns.ts';

/** Adds the client that revoked, and the quotas of clients. It only adds, so a server of the previous version keeps working. */
export class RevocationQuotas1764000000004 implements MigrationInterface {
  readonly name = 'RevocationQuotas1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(quotas(runner), true);
    for (const column of addedColumns(runner))
      if (!(await runner.hasColumn('revocations', column.name))) await runner.addColumn('revocations', column);
    const revocations = await runner.getTable('revocations');
    if (revocations?.indices.some(({ name }) => name === INDEX.name) !== true)
      await runner.createIndex('revocations', INDEX);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropIndex('revocations', INDEX);
    for (const column of addedColumns(runner)) await runner.dropColumn('revocations', column.name);
    await runner.dropTable(quotas(runner), true);
  }
}

const INDEX = new TableIndex({
  name: 'revocations_client',
  columnNames: ['tenant_id', 'project_id', 'client_id'],
});

function addedColumns(runner: QueryRunner): TableColumn[] {
  const { ascii, bigint, integer } = columnsFor(runner);
  const nullable = { isNullable: true };
  return [
    ascii('project_id', 64, nullable),
    ascii('client_id', 64, nullable),
    bigint('issued_seconds', nullable),
    integer('replaces', nullable),
  ].map((options) => new TableColumn(options));
}

function quotas(runner: QueryRunner): Table {
  const { ascii, bigint } = columnsFor(runner);
  return new Table({
    name: 'revocation_quotas',
    engine: 'InnoDB',
    columns: [
      ascii('tenant_id', 64, { isPrimary: true }),
      ascii('project_id', 64, { isPrimary: true }),
      ascii('client_id', 64, { isPrimary: true }),
      bigint('used_until_ms'),
    ],
  });
}
