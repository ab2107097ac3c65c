import { Inject, Injectable } from '@nestjs/common';
import { Secret } from '../config/secret.ts';
import { Clock } from '../domain/clock.ts';
import type { ClientId, ProjectId } from '../domain/ids.ts';
import { NetworkSet } from '../domain/networks.ts';
import type { Surface } from '../domain/surface.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { andThen, type Awaitable } from '../runtime/awaitable.ts';
import { ClientSecrets } from './client-secrets.ts';
import { SecretUses } from './secret-uses.ts';

/** Replaces a secret that was not sent, so that its refusal does the same work. No generated secret is empty. */
const ABSENT = new Secret('');

/** The credentials in a request, wherever they were sent. Not verified yet. */
export interface ClientCredentials {
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
  /** Undefined: none was sent. */
  readonly credential: Secret | undefined;
}

/** Where a request comes from, for clients whose policy requires a network instead of a secret. */
export interface SecretlessOrigin {
  readonly surface: Surface;
  readonly network: string;
}

export interface ClientAuthenticationResult {
  readonly client: Client;
  /** The secret that matched; undefined for a client that needs none. */
  readonly secretId: string | undefined;
}

/** Called when the secret matches, before any other check. An error that it throws becomes the error of the request. */
export interface SecretMatchListener {
  authenticated(): void;
}

/**
 * Authenticates clients by their secrets, for every endpoint that takes one. The constructor takes only the methods that are called, so that `explain`
 * can assume the secret and run the same checks.
 */
@Injectable()
export class ClientAuthentication {
  readonly #secrets: Pick<ClientSecrets, 'match'>;
  readonly #uses: Pick<SecretUses, 'record'>;
  readonly #clock: Clock;

  constructor(
    @Inject(ClientSecrets) secrets: Pick<ClientSecrets, 'match'>,
    @Inject(SecretUses) uses: Pick<SecretUses, 'record'>,
    clock: Clock,
  ) {
    this.#secrets = secrets;
    this.#uses = uses;
    this.#clock = clock;
  }

  /**
   * Authenticates a client by its secret, or by its network if its policy is `secretless`.
   *
   * The secret is compared before any refusal other than `client_not_found`, so that a disabled client, a suspended tenant and a wrong secret take
   * the same time.
   *
   * @param secretless where the request comes from; 'secret required': the endpoint requires a secret from every client, whatever its policy
   * @throws TesseraError client_not_found, unauthorized, temporarily_unavailable, and whatever the listener throws
   */
  authenticate(
    tenant: Tenant,
    credentials: ClientCredentials,
    secretless: SecretlessOrigin | 'secret required',
    listener: SecretMatchListener,
  ): Awaitable<ClientAuthenticationResult> {
    const client = tenant.projects.get(credentials.projectId)?.clients.get(credentials.clientId);
    if (client === undefined) throw new TesseraError('client_not_found', 'unknown project or client');

    const hasSecret =
      secretless === 'secret required' ? client.policy.kind === 'confidential' : client.policy.kind !== 'assertion';
    const matched = this.#match(tenant, client, credentials.credential, hasSecret);
    return andThen(matched, (secretId) => {
      if (secretId !== undefined) listener.authenticated();
      refuseInactive(tenant, client);
      if (secretId === undefined) refuseUnlessSecretless(client, credentials.credential, secretless);
      else this.#uses.record(tenant.id, client.projectId, client.id, secretId, this.#clock.nowMs());
      return { client, secretId };
    });
  }

  /** @param hasSecret of a client without one, what Vault still holds is not accepted */
  #match(
    tenant: Tenant,
    client: Client,
    credential: Secret | undefined,
    hasSecret: boolean,
  ): Awaitable<string | undefined> {
    // A secretless client that sends nothing has nothing to compare, and must not depend on Vault.
    if (credential === undefined && client.policy.kind === 'secretless') return undefined;
    // A lone surrogate becomes U+FFFD in UTF-8, which would make different texts equal.
    const isComparable = credential !== undefined && Secret.isWellFormed(credential) && hasSecret;
    return this.#secrets.match(tenant, client, isComparable ? credential : ABSENT);
  }
}

/**
 * A secret is compared before this, so that the time of a refusal does not tell which clients are disabled.
 *
 * @throws TesseraError unauthorized
 */
export function refuseInactive(tenant: Tenant, client: Client): void {
  if (tenant.status !== 'active') throw new TesseraError('unauthorized', 'the tenant is suspended');
  if (tenant.projects.get(client.projectId)?.status !== 'active')
    throw new TesseraError('unauthorized', 'the project is disabled');
  if (client.status !== 'active') throw new TesseraError('unauthorized', 'the client is disabled');
}

/** Passes only a client whose policy is `secretless`, on the user surface, from a listed network, that sent no secret at all. */
function refuseUnlessSecretless(
  client: Client,
  credential: Secret | undefined,
  secretless: SecretlessOrigin | 'secret required',
): void {
  if (client.policy.kind === 'assertion')
    throw new TesseraError('unauthorized', 'the client has no secret: it authenticates by assertions');
  if (client.policy.kind === 'secretless' && secretless === 'secret required')
    throw new TesseraError('unauthorized', 'the client is secretless: this endpoint requires credentials');
  if (credential !== undefined || secretless === 'secret required')
    throw new TesseraError('unauthorized', 'the secret does not match');
  if (client.policy.kind !== 'secretless') throw new TesseraError('unauthorized', 'the secret is missing');
  if (secretless.surface !== 'user')
    throw new TesseraError('unauthorized', 'a secretless client asked on the admin surface');
  if (!networksOf(client.policy).contains(secretless.network)) {
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
