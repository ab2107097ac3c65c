import { Injectable } from '@nestjs/common';
import type { Tenant } from '../tenancy/tenant.ts';
import { TenantConnections } from '../tenancy/tenant-connections.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import { findGrantsByEmail, findGrantsById, findGrantsByIdentity } from './grants-query.ts';
import { isLinkable } from './linked-identity.ts';
import { type Subject, SubjectDirectory } from './subject.ts';

/** Looks up a tenant's users in the tenant's own database. */
@Injectable()
export class UserDirectory extends SubjectDirectory {
  readonly #connections: TenantConnections;

  constructor(connections: TenantConnections) {
    super();
    this.#connections = connections;
  }

  override findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    return this.#connections.use(tenant, (database) => findGrantsByEmail(database, tenant.id, email));
  }

  override findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    return this.#connections.use(tenant, (database) => findGrantsById(database, tenant.id, id));
  }

  override async findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    if (!isLinkable(issuer, sub)) return undefined;
    return this.#connections.use(tenant, (database) => findGrantsByIdentity(database, tenant.id, issuer, sub));
  }
}
