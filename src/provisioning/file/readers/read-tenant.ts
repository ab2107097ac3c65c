import { DIRECTORY_KINDS } from '../../../tenancy/tenant.ts';
import { parseTenantId } from '../../../domain/ids.ts';
import { TENANT_STATUSES } from '../../../domain/status.ts';
import type { ValidationErrors } from '../validation-error.ts';
import { NameRegistry } from './name-registry.ts';
import { readAdmins } from './read-admins.ts';
import { readDatabase } from './read-database.ts';
import { readGroups, readRoles, readScopes, readUsers } from './read-directory.ts';
import { complete, displayName, duration, Fields, idBy, oneOf, type Reader } from './read-fields.ts';
import { type IssuerContext, readIssuers } from './read-issuers.ts';
import { readProjects } from './read-projects.ts';
import type { TenantSpec, TokensSpec } from '../tenants-file.ts';
import type { SourceNode } from '../yaml-source.ts';

/** Keys stay public for 24 h after their last token was issued. A longer-lived token would outlive its key. */
const MAX_TTL = { maxSeconds: 24 * 60 * 60, maxText: '24h' };
const DEFAULT_TOKENS: TokensSpec = { algorithm: 'ES256', ttlSeconds: 15 * 60 };

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

/** @param tenants declarations of the file so far: tenants and their databases */
export function readTenant(
  node: SourceNode,
  context: IssuerContext,
  tenants: NameRegistry,
  errors: ValidationErrors,
): TenantSpec | undefined {
  const fields = Fields.open(node, 'a tenant', KEYS, errors);
  if (fields === undefined) return undefined;
  const id = fields.required('id', idBy(parseTenantId), 'write its id, such as "id: acme"');
  if (id !== undefined) tenants.declare('tenant', id, fields.place('id'), `tenant "${id}" appears twice`);
  const tokens = fields.optional('tokens', readTokens, DEFAULT_TOKENS);
  const registry = new NameRegistry(errors);
  const issuers = fields.optional('issuers', readIssuers(registry, context), []);
  const issuerUrls = new Map((issuers ?? []).map((issuer) => [issuer.id as string, issuer.issuer]));
  const tenant = complete<TenantSpec>({
    id,
    name: fields.optional('name', displayName, id),
    status: fields.optional('status', oneOf(TENANT_STATUSES), 'active'),
    database: fields.required(
      'database',
      readDatabase(tenants),
      'write "database: { driver: sqlite }", or "driver: mysql" with host and name',
    ),
    directory: fields.optional('directory', oneOf(DIRECTORY_KINDS), 'managed'),
    tokens,
    issuers,
    projects: fields.optional('projects', readProjects(registry, tokens?.ttlSeconds ?? MAX_TTL.maxSeconds), []),
    scopes: fields.optional('scopes', readScopes(registry), []),
    roles: fields.optional('roles', readRoles(registry), []),
    groups: fields.optional('groups', readGroups(registry), []),
    users: fields.optional('users', readUsers(registry, issuerUrls), []),
    admins: fields.optional('admins', readAdmins(registry, issuerUrls), []),
  });
  if (tenant?.directory === 'external') refuseManagedParts(fields, tenant, errors);
  registry.settle();
  return tenant;
}

/** The content of an external directory is the application's. It is read from there, and never written. */
function refuseManagedParts(
  fields: Fields<(typeof KEYS)[number]>,
  { database }: TenantSpec,
  errors: ValidationErrors,
): void {
  if (database.driver !== 'mysql')
    errors.add(
      fields.place('directory'),
      'an external directory needs a database of driver mysql: an embedded file holds nothing but what Tessera writes',
    );
  for (const part of ['scopes', 'roles', 'groups', 'users'] as const)
    if (fields.node(part) !== undefined)
      errors.add(
        fields.place(part),
        `the directory is external: its ${part} are in the application's database; remove "${part}" here`,
      );
}

const readTokens: Reader<TokensSpec> = (node, errors) => {
  const fields = Fields.open(node, 'tokens', ['alg', 'ttl'], errors);
  if (fields === undefined) return undefined;
  return complete<TokensSpec>({
    algorithm: fields.optional('alg', oneOf(['ES256', 'RS256', 'EdDSA']), DEFAULT_TOKENS.algorithm),
    ttlSeconds: fields.optional('ttl', duration(MAX_TTL), DEFAULT_TOKENS.ttlSeconds),
  });
};
