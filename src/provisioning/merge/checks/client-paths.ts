import type { TenantSpec } from '../../file/tenants-file.ts';
import { idOf } from '../merge-lists.ts';

/** The clients of each id, as `project/client`: a trusted issuer names them by id only. */
export function clientPaths({ projects }: TenantSpec): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const { id: project, clients } of projects)
    for (const id of new Set(clients.map(idOf))) paths.set(id, [...(paths.get(id) ?? []), `${project}/${id}`]);
  return paths;
}
