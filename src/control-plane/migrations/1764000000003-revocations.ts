import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';
import { columnsFor } from '../../database/migration-columns.ts';

/**
 * Creates the revocations and the sequence that numbers them. Each step does nothing if it was done before, because MySQL commits them one by one.
 */
export class Revocations1764000000003 implements MigrationInterface {
  readonly name = 'Revocations1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables(runner)) await runner.createTable(table, true);
    const rows = (await runner.query('SELECT id FROM revocation_sequence')) as unknown[];
    if (rows.length === 0) await runner.query('INSERT INTO revocation_sequence (id, value) VALUES (1, 0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables(runner).reverse()) await runner.dropTable(table, true);
  }
}

function tables(runner: QueryRunner): Table[] {
  const { ascii, integer, bigint } = columnsFor(runner);
  const engine = 'InnoDB';
  return [
    new Table({
      name: 'revocations',
      engine,
      columns: [
        bigint('seq', { isPrimary: true }),
        ascii('tenant_id', 64),
        ascii('kind', 16),
        ascii('revoked_id', 128),
        bigint('before_seconds', { isNullable: true }),
        bigint('until_seconds'),
      ],
      indices: [new TableIndex({ name: 'revocations_until', columnNames: ['until_seconds'] })],
    }),
    new Table({
      name: 'revocation_sequence',
      engine,
      columns: [integer('id', { isPrimary: true }), bigint('value')],
    }),
  ];
}
