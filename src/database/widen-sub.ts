import type { QueryRunner } from 'typeorm';
import type { Row } from './database.ts';
import { unpaddedCollation } from './unpadded-collation.ts';

/**
 * Lets the column `sub` of a table of linked identities hold 255 characters of UTF-8, compared byte by byte. Earlier versions made it ASCII. SQLite's
 * column is so already: it has no character set, no length and a binary collation.
 *
 * One statement, which MySQL does completely or not at all. It stays a `varchar`: a server of the previous version reads it as before.
 */
export async function widenSub(runner: QueryRunner, table: string): Promise<void> {
  if (runner.dataSource.options.type !== 'mysql') return;
  const collation = await unpaddedCollation(async (sql) => (await runner.query(sql)) as Row[]);
  const [column] = (await runner.query(
    `SELECT c.collation_name AS collation FROM information_schema.columns c
      WHERE c.table_schema = DATABASE() AND c.table_name = '${table}' AND c.column_name = 'sub'`,
  )) as Row[];
  if (column?.['collation'] === collation) return;
  // DYNAMIC: 1,020 bytes of a key do not fit into the older row formats, which a server may have as its default.
  await runner.query(
    `ALTER TABLE ${table} MODIFY COLUMN sub varchar(255) CHARACTER SET utf8mb4 COLLATE ${collation} NOT NULL, ROW_FORMAT=DYNAMIC`,
  );
}

/** Back to ASCII. The server refuses it while there is a `sub` that is not. */
export async function narrowSub(runner: QueryRunner, table: string): Promise<void> {
  if (runner.dataSource.options.type !== 'mysql') return;
  await runner.query(
    `ALTER TABLE ${table} MODIFY COLUMN sub varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL`,
  );
}
