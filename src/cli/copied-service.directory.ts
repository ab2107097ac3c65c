import type { GrantPath } from '../directory/grant-paths.ts';
import type { DirectoryOpener } from '../directory/provisioning/directory.opener.ts';
import { findRoleGrantPaths } from '../directory/role-grants.ts';
import { ConfiguredServices } from '../directory/service.directory.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { TENANT_DATABASE } from '../tenancy/tenant-database.ts';

/** Looks up services as a server would, for read-only commands: an embedded database is read from a private copy. */
export class CopiedServiceDirectory extends ConfiguredServices {
  /** @param onPaths is notified of the paths to the scopes of the roles, for each service that is looked up */
  constructor(opener: DirectoryOpener, onPaths: (paths: readonly GrantPath[]) => void = () => undefined) {
    super(async (tenant, roles) => {
      const directory = await opener.openForReading(tenant);
      if (directory === undefined) throw unavailable(TENANT_DATABASE, 'database does not exist');
      try {
        const { paths, ...grants } = await findRoleGrantPaths(directory, tenant.id, roles);
        onPaths(paths);
        return grants;
      } finally {
        await directory.close();
      }
    });
  }
}
