import type { ClientPolicy } from '../../tenancy/tenant.ts';
import type { PartialClient, PartialTenant } from '../file/partial-tenants-file.ts';
import type { ClientSpec, ProjectSpec } from '../file/tenants-file.ts';
import { authenticatesByAssertion } from './assertion-clients.ts';
import { idOf, mergeList } from './merge-lists.ts';
import { type Faults, mergeMembers, needed } from './thing.ts';

/** @param prune remove the projects and clients that a written list leaves out */
export function mergeProjects(
  written: PartialTenant['projects'],
  before: readonly ProjectSpec[],
  prune: boolean,
  faults: Faults,
): readonly ProjectSpec[] {
  return mergeList(written, before, prune, idOf, (project, one) => ({
    id: project.id,
    ...mergeMembers<Omit<ProjectSpec, 'clients'>, 'id'>(
      { list: 'projects', name: project.id, place: project.place },
      project,
      one,
      { name: project.id, status: 'active' },
      faults,
    ),
    clients: mergeList(project.clients, one?.clients ?? [], prune, idOf, (client, present) =>
      mergeClient(client, present, project.id, faults),
    ),
  }));
}

function mergeClient(
  client: PartialClient,
  present: ClientSpec | undefined,
  projectId: string,
  faults: Faults,
): ClientSpec {
  const merged: ClientSpec = {
    id: client.id,
    ...mergeMembers<ClientSpec, 'id'>(
      { list: 'clients', name: client.id, place: client.place },
      client,
      present,
      { ...CLIENT, audience: projectId },
      faults,
    ),
  };
  const isDefaultPolicy = client.policy === null || (client.policy === undefined && present === undefined);
  return isDefaultPolicy ? { ...merged, policy: defaultPolicy(merged) } : merged;
}

/** A client that can authenticate without a secret gets none: one more credential is one more that can leak. */
function defaultPolicy(client: ClientSpec): ClientPolicy {
  return { kind: authenticatesByAssertion(client) ? 'assertion' : 'confidential' };
}

const CLIENT = {
  status: 'active',
  policy: { kind: 'confidential' },
  surfaces: needed<ClientSpec['surfaces']>('list those that it may use: [user], [admin] or both', []),
  scopes: needed<ClientSpec['scopes']>(
    'list the scopes that its tokens may carry at most, or write "scopes: unbounded"',
    [],
  ),
  subjects: needed<ClientSpec['subjects']>(
    'write "subjects: { domains: [...] }" for whom it may ask, or "subjects: any"',
    { domains: [] },
  ),
  ttlSeconds: undefined,
  audiences: [],
  receives: undefined,
  exchange: [],
  service: undefined,
  keys: [],
  jwksUri: undefined,
  workload: undefined,
} as const;
