import type { PartialTenant } from '../file/partial-tenants-file.ts';
import type { GroupSpec, IssuerSpec, RoleSpec, ScopeSpec, TenantSpec, TokensSpec } from '../file/tenants-file.ts';
import { idOf, mergeList, nameOf } from './merge-lists.ts';
import { mergeAdmins, mergeUsers } from './merge-persons.ts';
import { mergeProjects } from './merge-projects.ts';
import { type Faults, mergeMembers, needed, type Thing } from './thing.ts';

const DEFAULT_TOKENS: TokensSpec = { algorithm: 'ES256', ttlSeconds: 15 * 60 };
const DEFAULT_MAX_AGE_SECONDS = 10 * 60;
const DEFAULT_MAX_LIFETIME_SECONDS = 24 * 60 * 60;

export interface MergeOptions {
  /** Whether the tenant is created: its own members get defaults. Its database may hold things already. */
  readonly isNew: boolean;
  /** Remove the things that a written list leaves out. A list that is left out keeps its things. */
  readonly prune: boolean;
}

/**
 * The tenant after the apply: what is written, and what exists otherwise. Not yet checked as a whole.
 *
 * @param before what exists, with the tenant's database after the apply
 */
export function mergeTenant(
  written: PartialTenant,
  before: TenantSpec,
  { isNew, prune }: MergeOptions,
  faults: Faults,
): TenantSpec {
  const { id, place } = written;
  const tenant: Thing = { list: 'tenants', name: id, place };
  const present = isNew ? undefined : before;
  const own = mergeMembers<Pick<TenantSpec, 'id' | 'name' | 'status' | 'directory'>, 'id'>(
    tenant,
    written,
    present,
    { name: id, status: 'active', directory: 'managed' },
    faults,
  );
  // What is in an external directory is not removed by us.
  const removeInDirectory = prune && own.directory === 'managed';
  const issuers = mergeList(written.issuers, before.issuers, prune, idOf, (issuer, one) => ({
    id: issuer.id,
    ...mergeMembers<IssuerSpec, 'id'>(
      { list: 'issuers', name: issuer.id, place: issuer.place },
      issuer,
      one,
      ISSUER,
      faults,
    ),
  }));
  const identities = { tenantIssuers: issuers, faults };
  return {
    id,
    ...own,
    database: before.database,
    tokens: mergeMembers<TokensSpec, never>(
      { ...tenant, place: written.tokens?.place },
      written.tokens === null ? { algorithm: null, ttlSeconds: null } : (written.tokens ?? {}),
      present?.tokens,
      DEFAULT_TOKENS,
      faults,
    ),
    issuers,
    projects: mergeProjects(written.projects, before.projects, prune, faults),
    scopes: mergeList(written.scopes, before.scopes, removeInDirectory, nameOf, (scope, one) => ({
      name: scope.name,
      ...mergeMembers<ScopeSpec, 'name'>(
        { list: 'scopes', name: scope.name, place: scope.place },
        scope,
        one,
        { resource: undefined },
        faults,
      ),
    })),
    roles: mergeList(written.roles, before.roles, removeInDirectory, nameOf, (role, one) => ({
      name: role.name,
      ...mergeMembers<RoleSpec, 'name'>(
        { list: 'roles', name: role.name, place: role.place },
        role,
        one,
        { scopes: needed('list what it permits; [] for nothing', []) },
        faults,
      ),
    })),
    groups: mergeList(written.groups, before.groups, removeInDirectory, nameOf, (group, one) => ({
      name: group.name,
      ...mergeMembers<GroupSpec, 'name'>(
        { list: 'groups', name: group.name, place: group.place },
        group,
        one,
        { roles: needed('list the roles of its members; [] for none', []) },
        faults,
      ),
    })),
    users: mergeUsers(written.users, before.users, removeInDirectory, identities),
    admins: mergeAdmins(written.admins, before.admins, prune, identities),
  };
}

const ISSUER = {
  issuer: needed<string>('write the URL that its tokens have as "iss"', ''),
  jwksUri: undefined,
  audiences: needed<IssuerSpec['audiences']>('list the values of "aud" that are meant for this tenant', []),
  // OpenID Connect Core, section 3.1.3.7: RS256 is the default.
  algorithms: ['RS256'],
  keyUse: undefined,
  types: [],
  audienceClaim: undefined,
  azp: undefined,
  emailVerified: undefined,
  conditions: needed<IssuerSpec['conditions']>(
    'list the claims that a token must have, or write "conditions: none"',
    [],
  ),
  subject: needed<IssuerSpec['subject']>(
    'write { match: email, domains: [...] }, { match: linked } or { match: user, id: ... }',
    {
      match: 'linked',
    },
  ),
  clients: needed<IssuerSpec['clients']>('list the clients that may use it; [] for none', []),
  surfaces: needed<IssuerSpec['surfaces']>('list those that it is good for: [user], [admin] or both', []),
  maxAgeSeconds: DEFAULT_MAX_AGE_SECONDS,
  maxLifetimeSeconds: DEFAULT_MAX_LIFETIME_SECONDS,
} as const;
