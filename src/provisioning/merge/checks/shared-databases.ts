import type { TenantId } from '../../../domain/ids.ts';
import type { TenantDatabase } from '../../../tenancy/tenant.ts';
import type { PartialTenant } from '../../file/partial-tenants-file.ts';
import type { ValidationError } from '../../file/validation-error.ts';
import { Faults } from '../thing.ts';

interface Owned {
  readonly id: TenantId;
  readonly database: TenantDatabase;
}

/**
 * Reports tenants that share a database after the apply. An embedded database is named after its tenant.
 *
 * @param after all tenants after the apply, those of the file and those that stay as they are. A tenant may have two: one whose store
 * fails stays in the present one, and a later apply brings it to the other.
 */
export function sharedDatabases(
  written: readonly PartialTenant[],
  after: readonly Owned[],
): readonly ValidationError[] {
  const said = new Map(written.map((tenant) => [tenant.id, tenant]));
  const owners = new Map<string, TenantId>();
  const found: ValidationError[] = [];
  // A tenant that the file does not touch comes first, so that the error is about the line that can be corrected.
  const touched = (id: TenantId): number => (said.get(id)?.database === undefined ? 0 : 1);
  for (const { id, database } of [...after].sort((a, b) => touched(a.id) - touched(b.id))) {
    if (database.driver !== 'mysql') continue;
    const address = `${database.host.toLowerCase()}:${database.port}/${database.name}`;
    const owner = owners.get(address);
    owners.set(address, owner ?? id);
    if (owner === undefined || owner === id || touched(id) === 0) continue;
    const faults = new Faults(id);
    faults.add(
      { list: 'tenants', name: id, place: said.get(id)?.place },
      'database',
      `it belongs to another tenant ("${owner}"): each tenant needs its own`,
    );
    found.push(...faults.list());
  }
  return found;
}
