import { Secret } from '../../../config/secret.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { Client, Project, Tenant } from '../../../tenancy/tenant.ts';
import type { ClientId, ProjectId } from '../../../domain/ids.ts';
import { NetworkSet } from '../../../domain/networks.ts';
import type { ClientSecrets } from '../../../clients/client-secrets.ts';
import { AuthenticatedClient, sealAuthenticatedClient } from '../../authenticated-client.ts';
import type { SecretTokenRequest } from '../../token-request.ts';

/** Stands in for a credential that was not sent, so that its refusal does the same work. Its text is not of any generated form. */
const ABSENT = new Secret('');

export interface SecretAuthentication {
  readonly caller: AuthenticatedClient;
  /** Which secret proved it; undefined for a client that needs none. */
  readonly secretId: string | undefined;
}

/** Called when the secret matches, before anything else is checked. What it throws is the error of the request. */
export interface SecretMatchListener {
  secretMatched(): void;
}

/**
 * Hop 3 of generateToken: the client shows its secret, or its policy says in words that it needs none from where it asks.
 *
 * The comparison comes before every other verdict but the 404, so that a disabled client, a suspended tenant and a wrong secret cost the same.
 *
 * @throws TesseraError client_not_found, unauthorized, temporarily_unavailable, and whatever the listener throws
 */
export async function authenticateBySecret(
  secrets: ClientSecrets,
  tenant: Tenant,
  request: SecretTokenRequest,
  listener: SecretMatchListener,
): Promise<SecretAuthentication> {
  const project = tenant.projects.get(request.projectId);
  const client = project?.clients.get(request.clientId);
  if (project === undefined || client === undefined)
    throw new TesseraError('client_not_found', 'unknown project or client');

  const secretId = await matchSecret(secrets, tenant, client, request);
  if (secretId !== undefined) listener.secretMatched();
  refuseInactive(tenant, project, client);
  if (secretId === undefined) refuseUnproven(client, request);
  return {
    caller: AuthenticatedClient[sealAuthenticatedClient]({
      client,
      subject: { by: 'email', email: request.email.canonical },
      notAfter: undefined,
      exchange: undefined,
      once: undefined,
    }),
    secretId,
  };
}

/** Whoever speaks for itself, and not for a subject. */
export interface ClientCredentials {
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
  readonly credential: Secret;
}

export interface ClientAuthentication {
  readonly client: Client;
  readonly secretId: string;
}

/**
 * The same proof for a client that asks about tokens instead of for one: by secret alone, whatever its policy says of networks.
 *
 * @throws TesseraError client_not_found, unauthorized, temporarily_unavailable, and whatever the listener throws
 */
export async function authenticateClient(
  secrets: ClientSecrets,
  tenant: Tenant,
  credentials: ClientCredentials,
  listener: SecretMatchListener,
): Promise<ClientAuthentication> {
  const project = tenant.projects.get(credentials.projectId);
  const client = project?.clients.get(credentials.clientId);
  if (project === undefined || client === undefined)
    throw new TesseraError('client_not_found', 'unknown project or client');

  const secretId = await matchSecret(secrets, tenant, client, credentials);
  if (secretId !== undefined) listener.secretMatched();
  refuseInactive(tenant, project, client);
  if (secretId === undefined) throw new TesseraError('unauthorized', 'the secret does not match');
  return { client, secretId };
}

function matchSecret(
  secrets: ClientSecrets,
  tenant: Tenant,
  client: Client,
  request: Pick<SecretTokenRequest, 'credential'>,
): Promise<string | undefined> {
  // A secretless client that sends nothing has nothing to compare, and must not depend on Vault.
  if (request.credential === undefined && client.policy.kind === 'secretless') return Promise.resolve(undefined);
  // A lone surrogate becomes U+FFFD in UTF-8, which would make different texts equal.
  const credential =
    request.credential !== undefined && Secret.isWellFormed(request.credential) ? request.credential : ABSENT;
  return secrets.match(tenant, client, credential);
}

function refuseInactive(tenant: Tenant, project: Project, client: Client): void {
  if (tenant.status !== 'active') throw new TesseraError('unauthorized', 'the tenant is suspended');
  if (project.status !== 'active') throw new TesseraError('unauthorized', 'the project is disabled');
  if (client.status !== 'active') throw new TesseraError('unauthorized', 'the client is disabled');
}

/** Passes only a client whose policy is `secretless`, on the user surface, from a listed network, that sent no secret at all. */
function refuseUnproven(client: Client, request: SecretTokenRequest): void {
  if (request.credential !== undefined) throw new TesseraError('unauthorized', 'the secret does not match');
  if (client.policy.kind !== 'secretless') throw new TesseraError('unauthorized', 'the secret is missing');
  if (request.surface !== 'user')
    throw new TesseraError('unauthorized', 'a secretless client asked on the admin surface');
  if (!networksOf(client.policy).contains(request.network)) {
    throw new TesseraError('unauthorized', 'a secretless client asked from another network');
  }
}

type SecretlessPolicy = Extract<Client['policy'], { kind: 'secretless' }>;
const networkSets = new WeakMap<SecretlessPolicy, NetworkSet>();

/** Snapshots are frozen, so the parsed form of their networks lives as long as they do. */
function networksOf(policy: SecretlessPolicy): NetworkSet {
  let set = networkSets.get(policy);
  if (set === undefined) networkSets.set(policy, (set = new NetworkSet(policy.networks)));
  return set;
}
