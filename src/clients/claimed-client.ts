import { type ClientId, parseClientId, parseProjectId, type ProjectId } from '../domain/ids.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';

/** The client's name in a request: `project/client`, or only `client` if the tenant has one client with that id. */
export interface ClaimedClient {
  readonly projectId: ProjectId | undefined;
  readonly clientId: ClientId;
}

/** @returns undefined for a text of another form */
export function parseClaimedClient(text: string): ClaimedClient | undefined {
  const [first, second, ...rest] = text.split('/');
  const clientId = parseClientId(second ?? first);
  const projectId = second === undefined ? undefined : parseProjectId(first);
  if (clientId === undefined || rest.length > 0 || (second !== undefined && projectId === undefined)) return undefined;
  return { projectId, clientId };
}

/** The clients of that name: several only if it has no project. */
export function clientsOfName(tenant: Tenant, { projectId, clientId }: ClaimedClient): readonly Client[] {
  const projects = projectId === undefined ? [...tenant.projects.values()] : [tenant.projects.get(projectId)];
  return projects.flatMap((project) => project?.clients.get(clientId) ?? []);
}

/**
 * Finds the client that a request names. It has not authenticated.
 *
 * @throws TesseraError client_not_found if the tenant has no such client, or several
 */
export function findClaimedClient(tenant: Tenant, claimed: ClaimedClient): Client {
  const [client, ...others] = clientsOfName(tenant, claimed);
  if (client === undefined) throw new TesseraError('client_not_found', 'unknown project or client');
  if (others.length > 0)
    throw new TesseraError('client_not_found', 'several projects have a client of that id: name the project');
  return client;
}
