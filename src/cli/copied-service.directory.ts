import type { DirectoryOpener } from '../directory/provisioning/directory.opener.ts';
import { findRoleGrants } from '../directory/role-grants.ts';
import { ConfiguredServices } from '../directory/service.directory.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { TENANT_DATABASE } from '../tenancy/tenant-database.ts';

/** Looks up services as a server would, for read-only commands: an embedded database is read from a private copy. */
export class CopiedServiceDirectory extends ConfiguredServices {
  constructor(opener: DirectoryOpener) {
    super(async (tenant, roles) => {
      const directory = await opener.openForReading(tenant);
      if (directory === undefined) throw unavailable(TENANT_DATABASE, 'database does not exist');
      try {
        return await findRoleGrants(directory, tenant.id, roles);
      } finally {
        await directory.close();
      }
    });
  }
}
