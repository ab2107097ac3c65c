import type { NameRegistry } from './name-registry.ts';
import { complete, grantName, type Reader, setOf } from './read-fields.ts';
import { readPersons } from './read-persons.ts';
import type { AdminSpec } from './tenants-file.ts';

/**
 * Administrators live in the control plane: their roles and scopes are words for whoever checks the token, and need no entry under the
 * tenant's own `roles` and `scopes`.
 *
 * @param issuerUrls of the tenant's issuers, by id
 */
export function readAdmins(book: NameRegistry, issuerUrls: ReadonlyMap<string, string>): Reader<readonly AdminSpec[]> {
  return readPersons('administrator', ['scopes'], book, issuerUrls, (person, fields) =>
    complete<AdminSpec>({
      ...person,
      roles: fields.optional('roles', setOf(grantName), []),
      scopes: fields.optional('scopes', setOf(grantName), []),
    }),
  );
}
