import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AUDIT_INDICES, UNINDEXED } from '../audit-indices.ts';

/**
 * Lets the audit be read: the digest of an unknown address, the details of a change by command, and an index for each filter. It only adds, so a
 * server of the previous version keeps working.
 *
 * Plain statements instead of TypeORM's table API: for SQLite that copies the whole table to add a column, and for MySQL it cannot demand a way that
 * lets servers go on writing. The table may have millions of rows.
 */
export class AuditReading1764000000011 implements MigrationInterface {
  readonly name = 'AuditReading1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === 'mysql') await upOnMysql(runner);
    else await upOnSqlite(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    const isMysql = runner.dataSource.options.type === 'mysql';
    const added = Object.values(AUDIT_INDICES).filter(({ name }) => name !== AUDIT_INDICES.at.name);
    const names = [...added.map(({ name }) => name), ...(isMysql ? [] : [AUDIT_INDICES.at.name, UNINDEXED])];
    for (const name of names) await runner.query(`DROP INDEX ${name}${isMysql ? ' ON audit_records' : ''}`);
    if (!isMysql) {
      await runner.query(`CREATE INDEX ${AUDIT_INDICES.at.name} ON audit_records (at_ms)`);
      await runner.query('ALTER TABLE audit_records DROP COLUMN unindexed');
    }
    await runner.query('ALTER TABLE audit_records DROP COLUMN subject_digest');
    await runner.query('ALTER TABLE audit_records DROP COLUMN details');
  }
}

/** Each column is added at once, and the indices are built in one pass while servers go on writing; both are refused where that is impossible. */
async function upOnMysql(runner: QueryRunner): Promise<void> {
  const columns = [
    ['subject_digest', 'varchar(64) CHARACTER SET ascii COLLATE ascii_bin NULL'],
    ['details', 'mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL'],
  ] as const;
  for (const [name, type] of columns)
    if (!(await runner.hasColumn('audit_records', name)))
      await runner.query(`ALTER TABLE audit_records ADD COLUMN ${name} ${type}, ALGORITHM=INSTANT`);
  const present = new Set((await runner.getTable('audit_records'))?.indices.map(({ name }) => name));
  const missing = Object.values(AUDIT_INDICES).filter(({ name }) => !present.has(name));
  if (missing.length === 0) return;
  const added = missing.map(({ name, columns: indexed }) => `ADD INDEX ${name} (${indexed.join(', ')})`).join(', ');
  await runner.query(`ALTER TABLE audit_records ${added}, ALGORITHM=INPLACE, LOCK=NONE`);
}

/** One transaction, so nothing is half done. */
async function upOnSqlite(runner: QueryRunner): Promise<void> {
  const columns = [
    ['subject_digest', 'varchar(64)'],
    ['details', 'text'],
    ['unindexed', 'integer'],
  ] as const;
  for (const [name, type] of columns)
    if (!(await runner.hasColumn('audit_records', name)))
      await runner.query(`ALTER TABLE audit_records ADD COLUMN ${name} ${type}`);
  await runner.query(`DROP INDEX IF EXISTS ${AUDIT_INDICES.at.name}`);
  for (const { name, columns: indexed } of Object.values(AUDIT_INDICES)) {
    const rows =
      name === AUDIT_INDICES.digest.name ? 'subject_digest IS NOT NULL AND unindexed IS NULL' : 'unindexed IS NULL';
    await runner.query(`CREATE INDEX IF NOT EXISTS ${name} ON audit_records (${indexed.join(', ')}) WHERE ${rows}`);
  }
  await runner.query(
    `CREATE INDEX IF NOT EXISTS ${UNINDEXED} ON audit_records (unindexed) WHERE unindexed IS NOT NULL`,
  );
}
