import type { NameRegistry } from './name-registry.ts';
import { readPersons } from './read-persons.ts';
import { complete, Fields, grantName, listOf, type Reader, setOf } from './read-fields.ts';
import type { GroupSpec, RoleSpec, ScopeSpec, UserSpec } from '../tenants-file.ts';

export function readScopes(registry: NameRegistry): Reader<readonly ScopeSpec[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a scope', ['name', 'resource'], errors);
    if (fields === undefined) return undefined;
    const resource = fields.optional('resource', grantName, undefined);
    const scope = complete<Omit<ScopeSpec, 'resource'>>({
      name: readName(fields, registry, 'scope', 'write its name, such as "name: orders:read"'),
    });
    return scope === undefined ? undefined : { ...scope, resource };
  });
}

export function readRoles(registry: NameRegistry): Reader<readonly RoleSpec[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a role', ['name', 'scopes'], errors);
    if (fields === undefined) return undefined;
    return complete<RoleSpec>({
      name: readName(fields, registry, 'role', 'write its name, such as "name: manager"'),
      scopes: fields.required('scopes', namesOf('scope', registry, 'scopes'), 'list what it permits; [] for nothing'),
    });
  });
}

export function readGroups(registry: NameRegistry): Reader<readonly GroupSpec[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a group', ['name', 'roles'], errors);
    if (fields === undefined) return undefined;
    return complete<GroupSpec>({
      name: readName(fields, registry, 'group', 'write its name, such as "name: sales"'),
      roles: fields.required('roles', namesOf('role', registry, 'roles'), 'list the roles of its members; [] for none'),
    });
  });
}

/** @param issuerUrls of the tenant's issuers, by id */
export function readUsers(
  registry: NameRegistry,
  issuerUrls: ReadonlyMap<string, string>,
): Reader<readonly UserSpec[]> {
  return readPersons('user', ['groups'], registry, issuerUrls, (person, fields) => {
    const roles = fields.optional('roles', namesOf('role', registry, 'roles'), []);
    const groups = fields.optional('groups', namesOf('group', registry, 'groups'), []);
    return complete<UserSpec>({ ...person, roles, groups });
  });
}

function readName(fields: Fields<'name'>, registry: NameRegistry, kind: string, hint: string): string | undefined {
  const name = fields.required('name', grantName, hint);
  if (name !== undefined) registry.declare(kind, name, fields.place('name'), `${kind} "${name}" appears twice`);
  return name;
}

function namesOf(kind: string, registry: NameRegistry, section: string): Reader<readonly string[]> {
  return setOf((node, errors) => {
    const name = grantName(node, errors);
    if (name !== undefined) registry.refer(kind, name, node.at, `declare it under "${section}" of this tenant`);
    return name;
  });
}
