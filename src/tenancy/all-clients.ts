import type { Client, Tenant } from './tenant.ts';

/** The clients of all projects. */
export function allClients({ projects }: Pick<Tenant, 'projects'>): readonly Client[] {
  return [...projects.values()].flatMap(({ clients }) => [...clients.values()]);
}
