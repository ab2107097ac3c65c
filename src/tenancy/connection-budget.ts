import type { Config } from '../config/config.ts';
import type { Log } from '../logging/log.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

/**
 * At the start, not at the first busy hour: may this process open all the connections that its settings let it? Only a warning, because the tenants'
 * databases may be on other servers; where they share this one, requests would be refused as "too many connections".
 */
export async function warnOfConnectionBudget(
  config: Config,
  controlPlane: Pick<ControlPlane, 'query'>,
  log: Log,
): Promise<void> {
  if (config.controlDatabase.driver !== 'mysql') return;
  const budget = config.controlDatabase.poolSize + config.connections.tenantBudget;
  const rows = await controlPlane.query('SELECT @@max_connections AS allowed').catch(() => []);
  const allowed = Number(rows[0]?.['allowed'] ?? Number.POSITIVE_INFINITY);
  if (budget <= allowed) return;
  log.warn('connection_budget_above_server', {
    budget,
    allowed,
    fix: 'lower TESSERA_TENANT_CONNECTIONS or TESSERA_CONTROL_POOL_SIZE, or raise max_connections',
  });
}
