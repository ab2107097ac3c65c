import type { PartialAdmin } from '../partial-tenants-file.ts';
import type { NameRegistry } from './name-registry.ts';
import { grantName, type Reader, setOf } from './read-fields.ts';
import { readPersons } from './read-persons.ts';

/**
 * Administrators are stored in the control plane. Their roles and scopes mean something only to the services that check the token, and need no entry
 * under the tenant's `roles` and `scopes`.
 */
export function readAdmins(registry: NameRegistry): Reader<readonly PartialAdmin[]> {
  return readPersons('administrator', ['scopes'], registry, (person, fields) => ({
    ...person,
    scopes: fields.member('scopes', setOf(grantName)),
  }));
}
