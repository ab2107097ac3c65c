import { stringify } from 'yaml';
import { SAMPLE } from './sample-request.ts';

export interface TenantPlan {
  readonly id: string;
  readonly database: { readonly driver: 'sqlite' } | MysqlDatabase;
  readonly users: readonly { readonly id: string; readonly email: string }[];
  /** The trusted issuers, as in a tenants file. */
  readonly issuers?: readonly object[];
  /** More members of the client, as in a tenants file. */
  readonly client?: object;
}

export interface MysqlDatabase {
  readonly driver: 'mysql';
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/** The tenants file of a benchmark: every user gets the roles, scopes and resources of the sample request through a group. */
export function tenantsFile(tenants: readonly TenantPlan[]): string {
  return stringify(
    {
      apiVersion: 'tessera/v1',
      tenants: tenants.map(({ id, database, users, issuers = [], client = {} }) => ({
        id,
        name: id,
        status: 'active',
        database,
        tokens: { alg: 'ES256', ttl: `${SAMPLE.ttlSeconds}s` },
        issuers,
        projects: [{ id: SAMPLE.project, name: 'Shop', clients: [{ ...sampleClient, ...client }] }],
        scopes: SAMPLE.scopes.map((name) => ({ name, resource: SAMPLE.resources[0] })),
        roles: SAMPLE.roles.map((name) => ({ name, scopes: SAMPLE.scopes })),
        groups: SAMPLE.groups.map((name) => ({ name, roles: SAMPLE.roles })),
        users: users.map((user) => ({ ...user, roles: [], groups: SAMPLE.groups, status: 'active' })),
      })),
    },
    // Anchors would fill the file of a thousand tenants, and the service refuses them.
    { aliasDuplicateObjects: false },
  );
}

const sampleClient = {
  id: SAMPLE.client,
  policy: 'confidential',
  surfaces: ['user'],
  audience: SAMPLE.audience,
  scopes: SAMPLE.scopes,
  subjects: { domains: ['acme.example'] },
};
