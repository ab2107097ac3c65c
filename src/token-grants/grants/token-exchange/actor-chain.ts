import type { ActorClaim } from '@tessera/token';
import type { VerifiedToken } from '@tessera/token/core';
import { clientsOfName } from '../../../clients/claimed-client.ts';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import { parseServiceId, serviceId } from '../../../domain/service-id.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { Client, Tenant } from '../../../tenancy/tenant.ts';

/** The most actors of a token, the one that the first token was issued to included. */
const MAX_DEPTH = 4;

/**
 * The actors of the new token: the calling client, then those of the subject token. A token without any was issued to a client, which acted for its
 * subject: it is the first.
 *
 * @throws TesseraError unauthorized if there would be too many, or if a client among them is not active now
 */
export function actorChain(tenant: Tenant, client: Client, subjectToken: VerifiedToken): ActorClaim {
  const issuedTo = demandActive(tenant, clientsOfToken(tenant, subjectToken));
  const isFirst = subjectToken.root === undefined;
  const previous = subjectToken.actor ?? actorOf(issuedTo);
  let depth = 1;
  for (let one: ActorClaim | undefined = previous; one !== undefined; one = one.act) {
    depth += 1;
    // The actor of oidcToken is a person at the client that the token was issued to.
    if (!isFirst || one.client_id !== issuedTo.id) demandActive(tenant, clientsOfActor(tenant, one));
  }
  if (depth > MAX_DEPTH) throw new TesseraError('unauthorized', 'subject token: it was exchanged too often');
  return { ...actorOf(client), act: previous };
}

function actorOf({ projectId, id }: Client): ActorClaim {
  return { sub: serviceId({ projectId, clientId: id }), client_id: id };
}

function clientsOfToken(tenant: Tenant, { projectId: project, clientId: client }: VerifiedToken): readonly Client[] {
  const [projectId, clientId] = [parseProjectId(project), parseClientId(client)];
  return projectId === undefined || clientId === undefined ? [] : clientsOfName(tenant, { projectId, clientId });
}

/** The client of an actor. The project of a person's client is in the first token only: later every client of that id is meant. */
function clientsOfActor(tenant: Tenant, { sub, client_id: id }: ActorClaim): readonly Client[] {
  const path = parseServiceId(sub);
  if (path !== undefined) return clientsOfName(tenant, path);
  const clientId = parseClientId(id);
  return clientId === undefined ? [] : clientsOfName(tenant, { projectId: undefined, clientId });
}

/** @returns one of the clients */
function demandActive({ projects }: Tenant, found: readonly Client[]): Client {
  const [client] = found;
  if (client === undefined) throw new TesseraError('unauthorized', 'subject token: a client of its chain is no more');
  if (!found.every(({ projectId, status }) => projects.get(projectId)?.status === 'active' && status === 'active'))
    throw new TesseraError('unauthorized', 'subject token: a client of its chain is disabled');
  return client;
}
