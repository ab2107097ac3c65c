import type { ActorClaim } from '@tessera/token';
import type { VerifiedToken } from '@tessera/token/core';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import { parseServiceId, serviceId } from '../../../domain/service-id.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { Client, Project, Tenant } from '../../../tenancy/tenant.ts';

/** The most actors of a token, the one that the first token was issued to included. */
const MAX_DEPTH = 4;

/**
 * The actors of the new token: the calling client, then those of the subject token. A token without any was issued to a client, which acted for its
 * subject: it is the first.
 *
 * @throws TesseraError unauthorized if there would be too many, or if a client among them is not active now
 */
export function actorChain(tenant: Tenant, client: Client, subjectToken: VerifiedToken): ActorClaim {
  const { projectId, clientId, actor } = subjectToken;
  refuseUnlessActive(clientsOf(tenant, { project: projectId, client: clientId }));
  const previous = actor ?? actorOf(projectId, clientId);
  let depth = 1;
  for (let one: ActorClaim | undefined = previous; one !== undefined; one = one.act) {
    depth += 1;
    refuseUnlessActive(clientsIn(tenant, one));
  }
  if (depth > MAX_DEPTH) throw new TesseraError('unauthorized', 'subject token: it was exchanged too often');
  return { ...actorOf(client.projectId, client.id), act: previous };
}

function actorOf(project: string, client: string): ActorClaim {
  const [projectId, clientId] = [parseProjectId(project), parseClientId(client)];
  if (projectId === undefined || clientId === undefined)
    throw new TesseraError('unauthorized', 'subject token: its client is no more');
  return { sub: serviceId({ projectId, clientId }), client_id: clientId };
}

interface FoundClient {
  readonly project: Project;
  readonly client: Client;
}

function clientsOf(
  tenant: Tenant,
  name: { readonly project: string; readonly client: string },
): readonly FoundClient[] {
  const [projectId, clientId] = [parseProjectId(name.project), parseClientId(name.client)];
  const project = projectId && tenant.projects.get(projectId);
  const client = clientId && project?.clients.get(clientId);
  return project === undefined || client === undefined ? [] : [{ project, client }];
}

/**
 * The client of an actor. The actor of oidcToken is a person at a client, whose project the token does not name: then every client of that id is
 * meant.
 */
function clientsIn(tenant: Tenant, { sub, client_id: id }: ActorClaim): readonly FoundClient[] {
  const path = parseServiceId(sub);
  if (path !== undefined) return clientsOf(tenant, { project: path.projectId, client: path.clientId });
  return [...tenant.projects.keys()].flatMap((project) => clientsOf(tenant, { project, client: id ?? '' }));
}

function refuseUnlessActive(found: readonly FoundClient[]): void {
  if (found.length === 0) throw new TesseraError('unauthorized', 'subject token: a client of its chain is no more');
  if (!found.every(({ project, client }) => project.status === 'active' && client.status === 'active'))
    throw new TesseraError('unauthorized', 'subject token: a client of its chain is disabled');
}
