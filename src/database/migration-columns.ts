import type { QueryRunner, TableColumnOptions } from 'typeorm';

type More = Pick<TableColumnOptions, 'isPrimary' | 'isNullable' | 'default'>;

/**
 * The column types of all migrations, for SQLite and MySQL/MariaDB. Columns that are compared are ASCII with a binary collation on MySQL, as on
 * SQLite by default: other collations treat different letters as equal.
 */
export function columnsFor(runner: Pick<QueryRunner, 'dataSource'>) {
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
    /** Free text and JSON, never compared. MySQL's `text` holds at most 64 KiB, and a client's scopes may be longer. */
    text: (name: string, more: More = {}): TableColumnOptions => ({
      name,
      ...(isMysql ? { type: 'mediumtext', charset: 'utf8mb4', collation: 'utf8mb4_bin' } : { type: 'text' }),
      ...more,
    }),
    integer: (name: string, more: More = {}): TableColumnOptions => ({ name, type: 'integer', ...more }),
    /** Times (milliseconds since the epoch, set by the service) and sequence numbers. */
    bigint: (name: string, more: More = {}): TableColumnOptions => ({ name, type: 'bigint', ...more }),
    /** Numbered by the database. SQLite does that only for the type integer, which holds 64 bits there. */
    serial: (name: string): TableColumnOptions => ({
      name,
      type: isMysql ? 'bigint' : 'integer',
      isPrimary: true,
      isGenerated: true,
      generationStrategy: 'increment',
    }),
  };
}
