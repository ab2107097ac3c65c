import type { Check, Found } from '../finding.ts';
import type { InstallationFacts } from '../facts.ts';
import { MAX_FOUND } from '../finding.ts';
import { sqlText } from '../people.ts';

/** The tables of the control database, which has no foreign keys, and what each row belongs to. */
const LINKS = [
  { table: 'projects', to: 'tenants', by: { id: 'tenant_id' } },
  { table: 'clients', to: 'projects', by: { tenant_id: 'tenant_id', id: 'project_id' } },
  { table: 'trusts', to: 'tenants', by: { id: 'tenant_id' } },
  { table: 'administrators', to: 'tenants', by: { id: 'tenant_id' } },
  {
    table: 'administrator_identities',
    to: 'administrators',
    by: { tenant_id: 'tenant_id', id: 'administrator_id' },
  },
] as const;

/** No row of the control database belongs to a tenant, a project or an administrator that does not exist. */
export const controlLinksCheck: Check<InstallationFacts> = {
  name: 'control-links',
  run: async ({ stores: { database }, only }) => {
    const found: Found[] = [];
    for (const { table, to, by } of LINKS) {
      const isLinked = Object.entries(by).map(([column, own]) => `${to}.${column} = ${table}.${own}`);
      const isOrphan = `NOT EXISTS (SELECT * FROM ${to} WHERE ${isLinked.join(' AND ')})`;
      const rows = await database.query(
        `SELECT DISTINCT tenant_id FROM ${table} WHERE ${isOrphan} ${only === undefined ? '' : 'AND tenant_id = ?'} LIMIT ${MAX_FOUND + 1}`,
        only === undefined ? [] : [only],
      );
      for (const row of rows) {
        const tenantId = String(row['tenant_id']);
        found.push({
          severity: 'fault',
          object: `tenant ${tenantId}`,
          problem: `rows in ${table} of the control database belong to nothing in ${to}`,
          command: `DELETE FROM ${table} WHERE tenant_id = ${sqlText(tenantId)} AND ${isOrphan};`,
        });
      }
    }
    return found;
  },
};
