import type { RemovedThings } from '../file/partial-tenants-file.ts';
import type { TenantSpec } from '../file/tenants-file.ts';

/** The tenant without these things. What else refers to them is found when the result is checked. */
export function withoutThings(
  tenant: TenantSpec,
  { users = [], groups = [], clients = [] }: RemovedThings,
): TenantSpec {
  return {
    ...tenant,
    users: tenant.users.filter(({ id }) => !users.includes(id)),
    groups: tenant.groups.filter(({ name }) => !groups.includes(name)),
    projects: tenant.projects.map((project) => ({
      ...project,
      clients: project.clients.filter(({ id }) => !clients.includes(`${project.id}/${id}`)),
    })),
  };
}
