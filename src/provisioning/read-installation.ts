import { EMPTY_DIRECTORY } from '../directory/directory-state.ts';
import type { Stores } from './stores.ts';
import { specFromState } from './tenant-state.ts';
import type { TenantSpec } from './tenants-file.ts';

/** All tenants as the stores have them, for `export`. One that cannot be read fails it: half an export would prune the other half. */
export async function readInstallation(
  { controlPlane, directories }: Pick<Stores, 'controlPlane' | 'directories'>,
  onTenant: (done: number, total: number) => void,
): Promise<TenantSpec[]> {
  const states = await controlPlane.readTenants();
  const tenants: TenantSpec[] = [];
  for (const [index, state] of states.entries()) {
    onTenant(index, states.length);
    const directory = await directories.openForReading(state.tenant);
    try {
      tenants.push(specFromState(state, (await directory?.read()) ?? EMPTY_DIRECTORY));
    } finally {
      await directory?.close();
    }
  }
  return tenants;
}
