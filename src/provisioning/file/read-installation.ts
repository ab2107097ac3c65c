import { EMPTY_DIRECTORY } from '../../directory/provisioning/directory-state.ts';
import type { TenantState } from '../apply/control-plane.writer.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { Stores } from '../apply/stores.ts';
import { specFromState } from '../plan/tenant-state.ts';
import type { TenantSpec } from './tenants-file.ts';

/** The failure of one tenant in work on all tenants. */
export class TenantError extends Error {
  readonly tenantId: TenantId;

  constructor(tenantId: TenantId, cause: unknown) {
    super(`tenant ${tenantId}`, { cause });
    this.name = 'TenantError';
    this.tenantId = tenantId;
  }
}

/**
 * Reads all tenants from the stores, for `export`. A tenant that cannot be read fails the whole export: applying an incomplete one with --prune would
 * remove the rest.
 *
 * @throws TenantError
 */
export async function readInstallation(
  { controlPlane, directories }: Pick<Stores, 'controlPlane' | 'directories'>,
  onTenant: (done: number, total: number) => void,
): Promise<TenantSpec[]> {
  const states = await controlPlane.readTenants();
  const tenants: TenantSpec[] = [];
  for (const [index, state] of states.entries()) {
    onTenant(index, states.length);
    try {
      tenants.push(await readTenant(state, directories));
    } catch (error) {
      throw new TenantError(state.tenant.id, error);
    }
  }
  return tenants;
}

/** Reads one tenant from the stores. A database that does not exist counts as an empty one. */
export async function readTenant(state: TenantState, directories: Stores['directories']): Promise<TenantSpec> {
  // An external directory is its application's.
  if (state.tenant.directory === 'external') return specFromState(state, EMPTY_DIRECTORY);
  const directory = await directories.openForReading(state.tenant);
  try {
    return specFromState(state, (await directory?.read()) ?? EMPTY_DIRECTORY);
  } finally {
    await directory?.close();
  }
}
