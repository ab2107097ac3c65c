import { GRANT_NAME_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import { allClients } from '../../../tenancy/all-clients.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { shownName } from '../people.ts';

const ROWS_PER_SELECT = 100;

/** Every role of a service is in the directory: it lacks what another would permit, and nothing says so. */
export const serviceRolesCheck: Check<DirectoryFacts> = {
  name: 'service-roles',
  run: async (facts) => {
    const { tenant } = facts.state;
    const services = allClients(tenant).map((client) => ({
      path: `${tenant.id}/${client.projectId}/${client.id}`,
      roles: client.service?.roles ?? [],
    }));
    const present = await rolesAmong(facts, [...new Set(services.flatMap(({ roles }) => roles))]);
    return services
      .flatMap(({ path, roles }) =>
        roles
          .filter((role) => !present.has(role))
          .map((role): Found => ({
            severity: 'fault',
            object: path,
            problem: `its service has the role ${shownName(role)}, which the directory does not have`,
            command:
              tenant.directory === 'external'
                ? 'Correct "service" of the client in the tenants file: tessera apply -f FILE; or add the role to the view tessera_roles'
                : 'Add the role, or correct "service" of the client, in the tenants file: tessera apply -f FILE',
          })),
      )
      .slice(0, MAX_FOUND + 1);
  },
};

async function rolesAmong({ directory }: DirectoryFacts, names: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let start = 0; start < names.length; start += ROWS_PER_SELECT) {
    const some = names.slice(start, start + ROWS_PER_SELECT);
    const rows = await directory.query(
      `SELECT ${selectText('roles.name', GRANT_NAME_LENGTH, 'name')} FROM ${directory.relations.from.roles} roles WHERE roles.name IN (${some.map(() => '?').join(', ')}) LIMIT ${2 * ROWS_PER_SELECT}`,
      some,
    );
    // Compared byte by byte: a collation may find "Manager" for "manager".
    for (const row of rows) found.add(readRequiredText(row, 'name', GRANT_NAME_LENGTH));
  }
  return found;
}
