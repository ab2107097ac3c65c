import type { Config } from '../../config/config.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { PartialTenant, RemovedThings } from '../../provisioning/file/partial-tenants-file.ts';
import { API_VERSION, readTenantsFile } from '../../provisioning/file/read-tenants-file.ts';
import { refusedFile } from '../apply/read-file.ts';
import type { PathKind } from './object-path.ts';

/** The lists of a tenant, as a tenants file has them. */
export type TenantDocument = Readonly<Record<string, readonly object[]>>;

/** What one command changes. */
export interface WrittenChange {
  readonly document: TenantDocument;
  readonly remove?: RemovedThings;
  /** What the operator should know besides the plan. */
  readonly notes?: readonly string[];
}

export const NOTHING: WrittenChange = { document: {} };

/** The members of one thing, where a tenants file has them. */
export function documentOf(kind: PathKind, name: string, members: object): TenantDocument {
  switch (kind) {
    case 'client': {
      const [project, client] = name.split('/');
      return { projects: [{ id: project, clients: [{ id: client, ...members }] }] };
    }
    case 'project':
      return { projects: [{ id: name, ...members }] };
    case 'user':
    case 'admin':
      return { [`${kind}s`]: [{ id: name, ...members }] };
    case 'group':
    case 'role':
    case 'scope':
      return { [`${kind}s`]: [{ name, ...members }] };
  }
}

/**
 * Reads the change like a file, with the same rules for every member.
 *
 * @throws OperatorError that names the thing and the member
 */
export function readChange(tenantId: TenantId, { document, remove }: WrittenChange, config: Config): PartialTenant {
  const text = JSON.stringify({ apiVersion: API_VERSION, tenants: [{ id: tenantId, ...document }] });
  const result = readTenantsFile(Buffer.from(text), config);
  if ('errors' in result) throw refusedFile(undefined, result.errors);
  return { ...result.file.tenants[0], id: tenantId, ...(remove === undefined ? {} : { remove }) };
}
