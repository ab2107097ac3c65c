import { type EntityManager, In, IsNull } from 'typeorm';
import type { TenantId } from '../domain/ids.ts';
import { AdministratorEntity } from '../control-plane/entities/administrator.entity.ts';
import { ClientEntity } from '../control-plane/entities/client.entity.ts';
import { ProjectEntity } from '../control-plane/entities/project.entity.ts';
import { TenantEntity } from '../control-plane/entities/tenant.entity.ts';
import { TrustEntity } from '../control-plane/entities/trust.entity.ts';
import type { Tenant } from './tenant.ts';
import { tenantFromRows } from './tenant-rows.ts';

/** Reads one tenant in the caller's transaction; undefined if it is unknown or removed. */
export async function readTenant(manager: EntityManager, id: TenantId): Promise<Tenant | undefined> {
  const [tenant] = await readTenants(manager, [id]);
  return tenant;
}

/** Reads all tenants that are not removed. Everything is sorted by id. */
export async function readTenants(manager: EntityManager, ids?: readonly TenantId[]): Promise<Tenant[]> {
  const ofTenants = ids === undefined ? {} : { where: { tenantId: In(ids) } };
  const tenants = await manager.find(TenantEntity, {
    where: { removedAtMs: IsNull(), ...(ids === undefined ? {} : { id: In(ids) }) },
    order: { id: 'ASC' },
  });
  // Ids are compared again here, byte by byte: a changed collation must not make two ids equal.
  const wanted = ids === undefined ? tenants : tenants.filter((row) => ids.includes(row.id as TenantId));
  if (wanted.length === 0) return [];
  const projects = byTenant(await manager.find(ProjectEntity, { ...ofTenants, order: { id: 'ASC' } }));
  const clients = byTenant(await manager.find(ClientEntity, { ...ofTenants, order: { id: 'ASC' } }));
  const trusts = byTenant(await manager.find(TrustEntity, { ...ofTenants, order: { id: 'ASC' } }));
  const administrators = byTenant(
    await manager.find(AdministratorEntity, { select: { tenantId: true, id: true }, ...ofTenants }),
  );
  return wanted.map((tenant) =>
    tenantFromRows({
      tenant,
      projects: projects.get(tenant.id) ?? [],
      clients: clients.get(tenant.id) ?? [],
      trusts: trusts.get(tenant.id) ?? [],
      administratorIds: (administrators.get(tenant.id) ?? []).map(({ id }) => id),
    }),
  );
}

export function byTenant<R extends { readonly tenantId: string }>(rows: readonly R[]): Map<string, R[]> {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const group = groups.get(row.tenantId);
    if (group === undefined) groups.set(row.tenantId, [row]);
    else group.push(row);
  }
  return groups;
}
