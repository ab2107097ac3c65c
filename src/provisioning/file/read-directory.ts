import type { NameRegistry } from './name-registry.ts';
import { readPersons } from './read-persons.ts';
import { complete, Fields, grantName, listOf, type Reader, setOf } from './read-fields.ts';
import type { GroupSpec, RoleSpec, ScopeSpec, UserSpec } from './tenants-file.ts';

export function readScopes(book: NameRegistry): Reader<readonly ScopeSpec[]> {
  return listOf((node, faults) => {
    const fields = Fields.open(node, 'a scope', ['name', 'resource'], faults);
    if (fields === undefined) return undefined;
    const resource = fields.optional('resource', grantName, undefined);
    const scope = complete<Omit<ScopeSpec, 'resource'>>({
      name: readName(fields, book, 'scope', 'write its name, such as "name: orders:read"'),
    });
    return scope === undefined ? undefined : { ...scope, resource };
  });
}

export function readRoles(book: NameRegistry): Reader<readonly RoleSpec[]> {
  return listOf((node, faults) => {
    const fields = Fields.open(node, 'a role', ['name', 'scopes'], faults);
    if (fields === undefined) return undefined;
    return complete<RoleSpec>({
      name: readName(fields, book, 'role', 'write its name, such as "name: manager"'),
      scopes: fields.required('scopes', namesOf('scope', book, 'scopes'), 'list what it permits; [] for nothing'),
    });
  });
}

export function readGroups(book: NameRegistry): Reader<readonly GroupSpec[]> {
  return listOf((node, faults) => {
    const fields = Fields.open(node, 'a group', ['name', 'roles'], faults);
    if (fields === undefined) return undefined;
    return complete<GroupSpec>({
      name: readName(fields, book, 'group', 'write its name, such as "name: sales"'),
      roles: fields.required('roles', namesOf('role', book, 'roles'), 'list the roles of its members; [] for none'),
    });
  });
}

/** @param issuerUrls of the tenant's issuers, by id */
export function readUsers(book: NameRegistry, issuerUrls: ReadonlyMap<string, string>): Reader<readonly UserSpec[]> {
  return readPersons('user', ['groups'], book, issuerUrls, (person, fields) => {
    const roles = fields.optional('roles', namesOf('role', book, 'roles'), []);
    const groups = fields.optional('groups', namesOf('group', book, 'groups'), []);
    return complete<UserSpec>({ ...person, roles, groups });
  });
}

function readName(fields: Fields<'name'>, book: NameRegistry, kind: string, hint: string): string | undefined {
  const name = fields.required('name', grantName, hint);
  if (name !== undefined) book.declare(kind, name, fields.place('name'), `${kind} "${name}" stands twice`);
  return name;
}

function namesOf(kind: string, book: NameRegistry, section: string): Reader<readonly string[]> {
  return setOf((node, faults) => {
    const name = grantName(node, faults);
    if (name !== undefined) book.refer(kind, name, node.at, `declare it under "${section}" of this tenant`);
    return name;
  });
}
