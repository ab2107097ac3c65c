import type { Config } from '../config/config.ts';
import type { Log } from '../logging/log.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

/** The connections that one process may open to databases on servers; 0 if the control database is embedded. */
export function connectionBudget({
  controlDatabase,
  connections,
}: Pick<Config, 'controlDatabase' | 'connections'>): number {
  return controlDatabase.driver === 'mysql' ? controlDatabase.poolSize + connections.tenantBudget : 0;
}

/**
 * Warns at the start if the control database's server does not allow all connections that the settings permit. Only a warning, because the tenants'
 * databases may be on other servers. If they share this one, requests would fail with "too many connections" under high load.
 */
export async function warnOfConnectionBudget(
  config: Config,
  controlPlane: Pick<ControlPlane, 'query'>,
  log: Log,
): Promise<void> {
  if (config.controlDatabase.driver !== 'mysql') return;
  const budget = connectionBudget(config);
  const rows = await controlPlane.query('SELECT @@max_connections AS allowed').catch(() => []);
  const allowed = Number(rows[0]?.['allowed'] ?? Number.POSITIVE_INFINITY);
  if (budget <= allowed) return;
  log.warn('connection_budget_above_server', {
    budget,
    allowed,
    fix: 'lower TESSERA_TENANT_CONNECTIONS or TESSERA_CONTROL_POOL_SIZE, or raise max_connections',
  });
}
