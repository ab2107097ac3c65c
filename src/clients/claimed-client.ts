import { type ClientId, parseClientId, type ProjectId } from '../domain/ids.ts';
import { parseClientPath } from '../domain/service-id.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { allClients } from '../tenancy/all-clients.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';

/** The client's name in a request: `project/client`, or only `client` if the tenant has one client with that id. */
export interface ClaimedClient {
  readonly projectId: ProjectId | undefined;
  readonly clientId: ClientId;
}

/** @returns undefined for a text of another form */
export function parseClaimedClient(text: string): ClaimedClient | undefined {
  if (text.includes('/')) return parseClientPath(text);
  const clientId = parseClientId(text);
  return clientId === undefined ? undefined : { projectId: undefined, clientId };
}

/** Whether two names can be of one client: a name without a project is also the name of clients of that id in any project. */
export function mayBeSameClient(one: ClaimedClient, other: ClaimedClient): boolean {
  return one.clientId === other.clientId && (one.projectId ?? other.projectId) === (other.projectId ?? one.projectId);
}

// Snapshots of tenants are frozen and live as long as they are cached, so that each is searched once.
const byId = new WeakMap<Tenant, ReadonlyMap<ClientId, readonly Client[]>>();

/** The clients of that name: several only if it has no project. */
export function clientsOfName(tenant: Tenant, { projectId, clientId }: ClaimedClient): readonly Client[] {
  if (projectId === undefined) return clientsById(tenant).get(clientId) ?? [];
  const client = tenant.projects.get(projectId)?.clients.get(clientId);
  return client === undefined ? [] : [client];
}

/** The clients of each id: several if several projects have one. */
export function clientsById(tenant: Tenant): ReadonlyMap<ClientId, readonly Client[]> {
  const known = byId.get(tenant);
  if (known !== undefined) return known;
  const clients = new Map<ClientId, Client[]>();
  for (const client of allClients(tenant)) {
    const namesakes = clients.get(client.id);
    if (namesakes === undefined) clients.set(client.id, [client]);
    else namesakes.push(client);
  }
  byId.set(tenant, clients);
  return clients;
}

/**
 * Finds the client that a request names. It has not authenticated.
 *
 * @throws TesseraError client_not_found if the tenant has no such client, or several
 */
export function findClaimedClient(tenant: Tenant, claimed: ClaimedClient): Client {
  const clients = clientsOfName(tenant, claimed);
  const client = clients[0];
  if (client === undefined) throw new TesseraError('client_not_found', 'unknown project or client');
  if (clients.length > 1)
    throw new TesseraError('client_not_found', 'several projects have a client of that id: name the project');
  return client;
}
