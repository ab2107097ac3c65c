import type { Database } from '../database/database.ts';
import { expectedTables } from '../database/drift/expected-tables.ts';
import type { TableShape } from '../database/drift/table-shape.ts';
import { AUDIT_INDICES } from './audit-indices.ts';
import { CONTROL_PLANE_SCHEMA } from './control-plane.schema.ts';

/** The tables that the migrations of the control database make. */
export async function expectedControlTables(kind: Database['kind']): Promise<TableShape[]> {
  const tables = await expectedTables(CONTROL_PLANE_SCHEMA, kind);
  return kind === 'sqlite'
    ? tables
    : tables.map((table) => (table.name === 'audit_records' ? auditOnMysql(table) : table));
}

/** The one table that is not alike on both: SQLite indexes its rows later, see docs/decisions/2026-11-27-audit-indices-on-sqlite.md. */
function auditOnMysql(table: TableShape): TableShape {
  return {
    ...table,
    columns: table.columns.filter(({ name }) => name !== 'unindexed'),
    indices: Object.values(AUDIT_INDICES).map(({ columns }) => ({ columns, isUnique: false })),
  };
}
