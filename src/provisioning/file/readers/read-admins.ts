import type { NameRegistry } from './name-registry.ts';
import { complete, grantName, type Reader, setOf } from './read-fields.ts';
import { readPersons } from './read-persons.ts';
import type { AdminSpec } from '../tenants-file.ts';

/**
 * Administrators are stored in the control plane. Their roles and scopes mean something only to the services that check the token, and need no entry
 * under the tenant's `roles` and `scopes`.
 *
 * @param issuerUrls of the tenant's issuers, by id
 */
export function readAdmins(
  registry: NameRegistry,
  issuerUrls: ReadonlyMap<string, string>,
): Reader<readonly AdminSpec[]> {
  return readPersons('administrator', ['scopes'], registry, issuerUrls, (person, fields) =>
    complete<AdminSpec>({
      ...person,
      roles: fields.optional('roles', setOf(grantName), []),
      scopes: fields.optional('scopes', setOf(grantName), []),
    }),
  );
}
