import { connectionBudget } from '../../../tenancy/connection-budget.ts';
import type { InstallationFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** The connections of all servers together fit on the control database's server. An embedded database has no such limit. */
export const connectionBudgetCheck: Check<InstallationFacts> = {
  name: 'connection-budget',
  run: async ({ stores: { config, database }, replicas }) => {
    const { controlDatabase } = config;
    if (controlDatabase.driver !== 'mysql') return [];
    const servers = replicas ?? (await connectedMachines(database));
    const each = connectionBudget(config);
    const [row] = await database.query('SELECT @@max_connections AS allowed');
    const allowed = Number(row?.['allowed']);
    if (each * servers <= allowed) return [];
    return [
      {
        severity: 'warning',
        object: `database server ${controlDatabase.host}:${controlDatabase.port}`,
        problem: `${servers} server(s) of up to ${each} connections may need ${each * servers}, and max_connections is ${allowed}`,
        command: `SET GLOBAL max_connections = ${each * servers + RESERVE}; or lower TESSERA_TENANT_CONNECTIONS or TESSERA_CONTROL_POOL_SIZE`,
      },
    ];
  },
};

/** For this command line, for backups and for the administrator of the server. */
const RESERVE = 20;

/** Each server counts by its address. A user of the database may always see its own connections. */
async function connectedMachines(database: InstallationFacts['stores']['database']): Promise<number> {
  const [row] = await database.query(
    `SELECT COUNT(DISTINCT SUBSTRING_INDEX(host, ':', 1)) AS machines FROM information_schema.processlist
      WHERE db = DATABASE() AND user = SUBSTRING_INDEX(USER(), '@', 1) AND id <> CONNECTION_ID()`,
  );
  return Math.max(1, Number(row?.['machines'] ?? 1));
}
