import { Injectable } from '@nestjs/common';
import { parseServiceId, serviceId } from '../domain/service-id.ts';
import type { Status } from '../domain/status.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { TenantConnections } from '../tenancy/tenant-connections.ts';
import { subjectFrom } from './grants-query.ts';
import { findRoleGrants, type RoleGrants } from './role-grants.ts';
import { type Subject, SubjectDirectory } from './subject.ts';

/** Reads the roles of services. */
export type ReadRoles = (tenant: Tenant, roles: readonly string[]) => Promise<RoleGrants>;

/**
 * Clients as subjects of their own tokens. Which roles a client has is in the tenant's configuration, what these permit in the tenant's own database.
 */
export class ConfiguredServices extends SubjectDirectory {
  readonly #readRoles: ReadRoles;

  constructor(readRoles: ReadRoles) {
    super();
    this.#readRoles = readRoles;
  }

  /** A service has no address. */
  override findByEmail(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A service has no account at an identity provider. */
  override findByIdentity(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** @returns undefined for a client without the surface `service`, too */
  override async findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    const path = parseServiceId(id);
    const project = path && tenant.projects.get(path.projectId);
    const client = path && project?.clients.get(path.clientId);
    if (path === undefined || project === undefined || client?.service === undefined) return undefined;
    const { roles, scopes } = await this.#readRoles(tenant, client.service.roles);
    return subjectFrom({
      id: serviceId(path),
      email: undefined,
      status: statusOf(tenant, project.status, client),
      roles,
      groups: [],
      // Its own bound holds also where another client exchanges its token.
      scopes: scopes.filter(({ name }) => client.scopes === 'unbounded' || client.scopes.has(name)),
    });
  }
}

function statusOf(tenant: Tenant, project: Status, client: Client): Status {
  return tenant.status === 'active' && project === 'active' ? client.status : 'disabled';
}

/** Services, with their roles from the tenant's own database. */
@Injectable()
export class ServiceDirectory extends ConfiguredServices {
  constructor(connections: TenantConnections) {
    super((tenant, roles) => connections.use(tenant, (database) => findRoleGrants(database, tenant.id, roles)));
  }
}
