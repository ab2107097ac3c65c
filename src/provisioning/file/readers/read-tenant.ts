import { DIRECTORY_KINDS } from '../../../tenancy/tenant.ts';
import { parseTenantId } from '../../../domain/ids.ts';
import { TENANT_STATUSES } from '../../../domain/status.ts';
import type { PartialTenant, PartialTokens } from '../partial-tenants-file.ts';
import type { ValidationErrors } from '../validation-error.ts';
import { NameRegistry } from './name-registry.ts';
import { readAdmins } from './read-admins.ts';
import { readDatabase } from './read-database.ts';
import { readGroups, readRoles, readScopes, readUsers } from './read-directory.ts';
import { displayName, duration, Fields, idBy, oneOf, type Reader } from './read-fields.ts';
import { type IssuerContext, readIssuers } from './read-issuers.ts';
import { MAX_TTL, readProjects } from './read-projects.ts';
import type { SourceNode } from '../source-node.ts';

const KEYS = [
  'id',
  'name',
  'status',
  'database',
  'directory',
  'tokens',
  'issuers',
  'projects',
  'scopes',
  'roles',
  'groups',
  'users',
  'admins',
] as const;

/** @param tenants declarations of the file so far */
export function readTenant(
  node: SourceNode,
  context: IssuerContext,
  tenants: NameRegistry,
  errors: ValidationErrors,
): PartialTenant | undefined {
  const fields = Fields.open(node, 'a tenant', KEYS, errors);
  if (fields === undefined) return undefined;
  const id = fields.required('id', idBy(parseTenantId), 'write its id, such as "id: acme"');
  if (id !== undefined) tenants.declare('tenant', id, fields.place('id'), `tenant "${id}" appears twice`);
  const registry = new NameRegistry(errors);
  const members = {
    name: fields.member('name', displayName),
    status: fields.member('status', oneOf(TENANT_STATUSES)),
    database: fields.member('database', readDatabase),
    directory: fields.member('directory', oneOf(DIRECTORY_KINDS)),
    tokens: fields.member('tokens', readTokens),
    issuers: fields.optional('issuers', readIssuers(registry, context)),
    projects: fields.optional('projects', readProjects(registry, context)),
    scopes: fields.optional('scopes', readScopes(registry)),
    roles: fields.optional('roles', readRoles(registry)),
    groups: fields.optional('groups', readGroups(registry)),
    users: fields.optional('users', readUsers(registry)),
    admins: fields.optional('admins', readAdmins(registry)),
  };
  return id === undefined ? undefined : { id, ...members, place: fields.source };
}

const readTokens: Reader<PartialTokens> = (node, errors) => {
  const fields = Fields.open(node, 'tokens', ['alg', 'ttl'], errors);
  if (fields === undefined) return undefined;
  return {
    algorithm: fields.member('alg', oneOf(['ES256', 'RS256', 'EdDSA'])),
    ttlSeconds: fields.member('ttl', duration(MAX_TTL)),
    place: fields.source,
  };
};
