import { EMPTY_DIRECTORY } from '../../directory/provisioning/directory-state.ts';
import type { Ask } from '../../directory/provisioning/read-directory.ts';
import { hasAddress } from '../../directory/administrator.ts';
import { parseEmail } from '../../domain/email.ts';
import type { TenantId } from '../../domain/ids.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { TenantError } from '../../provisioning/file/read-installation.ts';
import type { TenantSpec } from '../../provisioning/file/tenants-file.ts';
import { specFromState } from '../../provisioning/plan/tenant-state.ts';
import { CopiedUserDirectory } from '../copied-user.directory.ts';
import { findTenant, type Installation } from '../installation.ts';

/** Where one tenant's things are read from. The tenant's own database is opened only when something of it is asked for. */
export interface TenantSource {
  readonly tenantId: TenantId;
  /** What the control plane holds. Its directory is empty. */
  readonly spec: TenantSpec;
  /**
   * Reads from the tenant's database on one snapshot.
   *
   * @throws TenantError if it does not answer
   */
  readonly read: <T>(work: (ask: Ask) => Promise<T>) => Promise<T>;
  /** The id of the user with that id or e-mail address; undefined if an address is nobody's. */
  readonly userId: (name: string) => Promise<string | undefined>;
  /** The same of an administrator. */
  readonly administratorId: (name: string) => string | undefined;
}

/** @throws OperatorError if there is no such tenant */
export async function openTenant(stores: Installation, id: string): Promise<TenantSource> {
  const state = await findTenant(stores, id);
  const { tenant, administrators } = state;
  const inTenant = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new TenantError(tenant.id, error);
    }
  };
  return {
    tenantId: tenant.id,
    spec: specFromState(state, EMPTY_DIRECTORY),
    read: (work) =>
      inTenant(async () => {
        const directory = await stores.directories.openForReading(tenant);
        if (directory === undefined)
          throw new OperatorError('its database does not exist. Run: tessera apply, or restore it from a backup.');
        try {
          return await directory.readWith(work);
        } finally {
          await directory.close();
        }
      }),
    userId: async (name) => {
      const email = parseEmail(name)?.canonical;
      if (email === undefined) return name;
      return (await inTenant(() => new CopiedUserDirectory(stores.directories).findByEmail(tenant, email)))?.id;
    },
    administratorId: (name) => {
      const email = parseEmail(name)?.canonical;
      if (email === undefined) return name;
      return administrators.find((one) => hasAddress(one, email))?.id;
    },
  };
}
