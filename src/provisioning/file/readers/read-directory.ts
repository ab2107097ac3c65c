import type { PartialGroup, PartialRole, PartialScope, PartialUser } from '../partial-tenants-file.ts';
import type { NameRegistry } from './name-registry.ts';
import { Fields, grantName, listOf, type Reader, setOf } from './read-fields.ts';
import { readPersons } from './read-persons.ts';

const names = setOf(grantName);

export function readScopes(registry: NameRegistry): Reader<readonly PartialScope[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a scope', ['name', 'resource'], errors);
    if (fields === undefined) return undefined;
    const name = readName(fields, registry, 'scope', 'write its name, such as "name: orders:read"');
    const resource = fields.member('resource', grantName);
    return name === undefined ? undefined : { name, resource, place: fields.source };
  });
}

export function readRoles(registry: NameRegistry): Reader<readonly PartialRole[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a role', ['name', 'scopes'], errors);
    if (fields === undefined) return undefined;
    const name = readName(fields, registry, 'role', 'write its name, such as "name: manager"');
    const scopes = fields.member('scopes', names);
    return name === undefined ? undefined : { name, scopes, place: fields.source };
  });
}

export function readGroups(registry: NameRegistry): Reader<readonly PartialGroup[]> {
  return listOf((node, errors) => {
    const fields = Fields.open(node, 'a group', ['name', 'roles'], errors);
    if (fields === undefined) return undefined;
    const name = readName(fields, registry, 'group', 'write its name, such as "name: sales"');
    const roles = fields.member('roles', names);
    return name === undefined ? undefined : { name, roles, place: fields.source };
  });
}

export function readUsers(registry: NameRegistry): Reader<readonly PartialUser[]> {
  return readPersons('user', ['groups'], registry, (person, fields) => ({
    ...person,
    groups: fields.member('groups', names),
  }));
}

function readName(fields: Fields<'name'>, registry: NameRegistry, kind: string, hint: string): string | undefined {
  const name = fields.required('name', grantName, hint);
  if (name !== undefined) registry.declare(kind, name, fields.place('name'), `${kind} "${name}" appears twice`);
  return name;
}
