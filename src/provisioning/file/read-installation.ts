import { EMPTY_DIRECTORY } from '../../directory/provisioning/directory-state.ts';
import type { TenantState } from '../apply/control-plane.writer.ts';
import type { TenantId } from '../../domain/ids.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { readUpToDate } from '../plan/read-up-to-date.ts';
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

export interface ReadTenants {
  readonly tenants: readonly TenantSpec[];
  /** Tenants whose database could not be read. */
  readonly failures: readonly TenantError[];
}

/** Reads tenants with their directories, for `export`. One that cannot be read does not keep the others back. */
export async function readInstallation(
  states: readonly TenantState[],
  directories: Stores['directories'],
  onTenant: (done: number, total: number) => void,
): Promise<ReadTenants> {
  const tenants: TenantSpec[] = [];
  const failures: TenantError[] = [];
  for (const [index, state] of states.entries()) {
    onTenant(index, states.length);
    try {
      tenants.push(await readTenant(state, directories));
    } catch (error) {
      failures.push(new TenantError(state.tenant.id, error));
    }
  }
  return { tenants, failures };
}

/** @throws OperatorError if the database does not exist: an existing tenant has one, so that it was lost or cannot be reached */
export async function readTenant(state: TenantState, directories: Stores['directories']): Promise<TenantSpec> {
  // An external directory is its application's.
  if (state.tenant.directory === 'external') return specFromState(state, EMPTY_DIRECTORY);
  const directory = await directories.openForReading(state.tenant);
  if (directory === undefined)
    throw new OperatorError('its database does not exist. Run: tessera apply, or restore it from a backup.');
  try {
    const pending = await directory.pendingMigrations();
    return specFromState(state, await readUpToDate(directory, state.tenant.database, pending));
  } finally {
    await directory.close();
  }
}
