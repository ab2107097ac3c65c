import { OperatorError } from '../../errors/operator-error.ts';
import type { Kind, Page } from './kinds.ts';
import { nearNames } from './near-names.ts';
import type { ObjectDocument } from './object-documents.ts';
import type { PathKind } from './object-path.ts';
import type { TenantSource } from './tenant-source.ts';

export async function noSuchObject(kind: Kind, source: TenantSource, name: string): Promise<OperatorError> {
  const near = kind.isPaged === true ? [] : nearNames(name, (await kind.list(source, NO_PAGE)).map(nameOf));
  const hint =
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `See \`tessera ${kind.plural} list ${source.tenantId}\`.`;
  return new OperatorError(`Tenant ${source.tenantId} has no ${labelOf(kind.singular, name)}. ${hint}`);
}

/** Lists without pages ignore it. */
const NO_PAGE: Page = { after: undefined, limit: 0 };

/** As an argument names it, behind the tenant. */
function nameOf({ project_id: projectId, id, name }: ObjectDocument): string {
  if (typeof id !== 'string') return String(name);
  return typeof projectId === 'string' ? `${projectId}/${id}` : id;
}

/** An address is not repeated: messages are copied into tickets. */
export function labelOf(kind: PathKind, name: string): string {
  return name.includes('@') ? `${kind} with this e-mail address` : `${kind} "${name}"`;
}
