import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';
import { columnsFor } from '../../database/migration-columns.ts';

/** Creates the table of exchanged subject tokens, kept until they expire. */
export class SpentTokens1764000000002 implements MigrationInterface {
  readonly name = 'SpentTokens1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    // On MySQL, index and table are one statement: a killed migration leaves both or none.
    await runner.createTable(table(runner), true);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable(table(runner), true);
  }
}

function table(runner: QueryRunner): Table {
  const { ascii, bigint } = columnsFor(runner);
  return new Table({
    name: 'spent_tokens',
    engine: 'InnoDB',
    columns: [
      ascii('tenant_id', 64, { isPrimary: true }),
      ascii('issuer', 512, { isPrimary: true }),
      ascii('token_id', 43, { isPrimary: true }),
      bigint('until_seconds'),
    ],
    indices: [new TableIndex({ name: 'spent_tokens_until', columnNames: ['until_seconds'] })],
  });
}
