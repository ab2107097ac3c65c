import type { QueryRunner, TableColumnOptions } from 'typeorm';

type More = Pick<TableColumnOptions, 'isPrimary' | 'isNullable' | 'default'>;

/**
 * The column types of all migrations, one source for SQLite and MySQL/MariaDB. What is compared is ASCII with a binary collation on
 * MySQL, as it is on SQLite by default: any other collation equates letters that differ.
 */
export function columnsFor(runner: QueryRunner) {
  const isMysql = runner.dataSource.options.type === 'mysql';
  return {
    /** Identifiers, addresses and names that are looked up. */
    ascii: (name: string, length: number, more: More = {}): TableColumnOptions => ({
      name,
      type: 'varchar',
      length: String(length),
      ...(isMysql ? { charset: 'ascii', collation: 'ascii_bin' } : {}),
      ...more,
    }),
    /** Free text and JSON, never compared. MySQL's `text` ends at 64 KiB, which a client's scopes may pass. */
    text: (name: string, more: More = {}): TableColumnOptions => ({
      name,
      ...(isMysql ? { type: 'mediumtext', charset: 'utf8mb4', collation: 'utf8mb4_bin' } : { type: 'text' }),
      ...more,
    }),
    integer: (name: string, more: More = {}): TableColumnOptions => ({ name, type: 'integer', ...more }),
    /** Times (milliseconds since the epoch, written by code) and sequence numbers. */
    bigint: (name: string, more: More = {}): TableColumnOptions => ({ name, type: 'bigint', ...more }),
    /** Numbered by the database. SQLite only does that for a column of type integer, which holds 64 bits there. */
    serial: (name: string): TableColumnOptions => ({
      name,
      type: isMysql ? 'bigint' : 'integer',
      isPrimary: true,
      isGenerated: true,
      generationStrategy: 'increment',
    }),
  };
}
