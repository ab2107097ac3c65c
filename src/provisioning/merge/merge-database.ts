import type { TenantDatabase } from '../../tenancy/tenant.ts';
import type { PartialTenant } from '../file/partial-tenants-file.ts';
import type { Faults, Thing } from './thing.ts';

const DEFAULT_PORT = 3306;
const HINT = 'write "database: { driver: sqlite }", or "driver: mysql" with host and name';

/**
 * The tenant's database after the apply. It is merged before the rest of the tenant, which is compared with that database's content.
 *
 * @param before undefined for a new tenant
 * @returns undefined if there is no such database, which has been reported
 */
export function mergeDatabase(
  { id, database: written, place }: PartialTenant,
  before: TenantDatabase | undefined,
  faults: Faults,
): TenantDatabase | undefined {
  const refuse = (message: string): undefined => {
    faults.add(tenant, 'database', message);
  };
  const tenant: Thing = { list: 'tenants', name: id, place };
  if (written === null) {
    refuse(`must not be null, because it has no default: ${HINT}`);
    return;
  }
  if (written === undefined) {
    if (before !== undefined) return before;
    // A member that is written but undefined was invalid, which has been reported.
    if (place?.has('database') !== true)
      faults.add(tenant, '', `a tenant needs "database": ${HINT} (it does not exist yet)`);
    return undefined;
  }
  const driver = written.driver ?? before?.driver;
  if (driver === undefined) {
    refuse('a database needs "driver": write "driver: sqlite" or "driver: mysql"');
    return;
  }
  // A database of another driver is a new one: nothing of the present one is kept.
  const present = before?.driver === driver ? before : undefined;
  if (driver === 'sqlite') {
    if (written.host === undefined && written.port === undefined && written.name === undefined) return { driver };
    refuse('a database of driver sqlite has a driver only: remove host, port and name');
    return;
  }
  const server = present?.driver === 'mysql' ? present : undefined;
  const host = written.host ?? server?.host;
  const name = written.name ?? server?.name;
  const port = written.port === null ? DEFAULT_PORT : (written.port ?? server?.port ?? DEFAULT_PORT);
  if (host === undefined) {
    refuse('a database of driver mysql needs "host": write the host of the database server');
    return;
  }
  if (name === undefined) {
    refuse('a database of driver mysql needs "name": write the name of the database');
    return;
  }
  return { driver, host, port, name };
}
