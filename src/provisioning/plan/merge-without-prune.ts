import { parseEmail } from '../../domain/email.ts';
import type { PersonSpec, ProjectSpec, TenantSpec } from '../file/tenants-file.ts';

/** The tenant after an apply without --prune: the file's content, plus existing items that the file leaves out. */
export function mergeWithoutPrune(desired: TenantSpec, actual: TenantSpec): TenantSpec {
  return {
    ...desired,
    issuers: union(desired.issuers, actual.issuers, ({ id }) => id),
    projects: unionOfProjects(desired.projects, actual.projects),
    scopes: union(desired.scopes, actual.scopes, ({ name }) => name),
    roles: union(desired.roles, actual.roles, ({ name }) => name),
    groups: union(desired.groups, actual.groups, ({ name }) => name),
    users: union(desired.users, actual.users, ({ id }) => id),
    admins: union(desired.admins, actual.admins, ({ id }) => id),
  };
}

/**
 * Conflicts between the file and the existing items that it leaves out. Each message ends with the fix.
 *
 * @param tenant the result of `mergeWithoutPrune`
 */
export function mergeConflicts(tenant: TenantSpec): string[] {
  const fix = 'remove one of them, or apply with --prune to remove what the file leaves out';
  return [
    ...twice(tenant.issuers, (issuer) => [issuer.issuer]).map(
      ([a, b]) => `tenant "${tenant.id}": issuers "${a.id}" and "${b.id}" have the same URL: ${fix}`,
    ),
    ...conflictsOfPersons('users', tenant, tenant.users, fix),
    ...conflictsOfPersons('administrators', tenant, tenant.admins, fix),
    ...ambiguousClients(tenant),
  ];
}

function conflictsOfPersons(kind: string, tenant: TenantSpec, persons: readonly PersonSpec[], fix: string): string[] {
  const emails = twice(persons, (person) => [parseEmail(person.email)?.canonical ?? person.email]);
  const identities = twice(persons, (person) => person.identities.map(({ issuer, sub }) => `${issuer} ${sub}`));
  return [
    ...emails.map(
      ([a, b]) => `tenant "${tenant.id}": ${kind} "${a.id}" and "${b.id}" have the same e-mail address: ${fix}`,
    ),
    ...identities.map(
      ([a, b]) => `tenant "${tenant.id}": ${kind} "${a.id}" and "${b.id}" have the same identity: ${fix}`,
    ),
  ];
}

/** A trusted issuer names clients by id only, so a kept project must not have a second client with that id. */
function ambiguousClients(tenant: TenantSpec): string[] {
  const projectsOf = new Map<string, number>();
  for (const { clients } of tenant.projects)
    for (const { id } of clients) projectsOf.set(id, (projectsOf.get(id) ?? 0) + 1);
  return tenant.issuers.flatMap((issuer) =>
    issuer.clients
      .filter((id) => (projectsOf.get(id) ?? 0) > 1)
      .map(
        (id) =>
          `tenant "${tenant.id}": issuer "${issuer.id}" names client "${id}", which several projects have: give each client its own id`,
      ),
  );
}

function twice<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): [T, T][] {
  const seen = new Map<string, T>();
  const pairs: [T, T][] = [];
  for (const item of items) {
    for (const key of keysOf(item)) {
      const first = seen.get(key);
      if (first === undefined) seen.set(key, item);
      else if (first !== item) pairs.push([first, item]);
    }
  }
  return pairs;
}

function union<T>(desired: readonly T[], actual: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const named = new Set(desired.map(keyOf));
  return [...desired, ...actual.filter((item) => !named.has(keyOf(item)))];
}

function unionOfProjects(desired: readonly ProjectSpec[], actual: readonly ProjectSpec[]): readonly ProjectSpec[] {
  const before = new Map(actual.map((project) => [project.id, project]));
  return union(desired, actual, ({ id }) => id).map((project) => ({
    ...project,
    clients: union(project.clients, before.get(project.id)?.clients ?? [], ({ id }) => id),
  }));
}
