import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '../errors/tessera-error.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { type ClaimedClient, findClaimedClient } from './claimed-client.ts';
import type { Secret } from '../config/secret.ts';
import { andThen, type Awaitable, isLater } from '../runtime/awaitable.ts';
import type { ClientAssertion } from './client-assertion.ts';
import { ClientAssertions } from './client-assertions.ts';
import { ClientAuthentication, type ClientAuthenticationResult } from './client-authentication.ts';
import type { PresentedCredentials } from './client-credentials.ts';

/** A client that has authenticated by its own credentials. */
export interface AuthenticatedCaller {
  readonly client: Client;
  /** What it authenticated with, for records: the id of the secret, `key:<kid>` or `workload:<trusted issuer's id>`. */
  readonly secretId: string | undefined;
  /** The latest `exp` that the credentials allow, epoch seconds; undefined: no limit of their own. */
  readonly notAfter: number | undefined;
}

/** The failure limit of the request, which is notified of what is known of the caller. */
export interface CallerLimit {
  /**
   * Sets what a failure counts against from here on.
   *
   * @throws TesseraError too_many_requests for credentials that can be guessed, if the limit is used up
   */
  identified(attempt: { readonly key: string; readonly isGuessable: boolean; readonly isUnknown?: boolean }): void;
  /** The client is found but not authenticated. Records name it from here on. */
  clientFound(client: Client): void;
  /**
   * The client has authenticated.
   *
   * @throws TesseraError too_many_requests if concurrent guesses have used up the limit
   */
  authenticated(): void;
}

/**
 * Authenticates the clients that call a tenant's token endpoint, introspection or revocation, by any method that those endpoints support. The
 * constructor takes only the method that is called, so that `explain` can assume an assertion.
 */
@Injectable()
export class CallerAuthentication {
  readonly #clients: ClientAuthentication;
  readonly #assertions: Pick<ClientAssertions, 'authenticate'>;

  constructor(
    clients: ClientAuthentication,
    @Inject(ClientAssertions) assertions: Pick<ClientAssertions, 'authenticate'>,
  ) {
    this.#clients = clients;
    this.#assertions = assertions;
  }

  /**
   * Every failed authentication has the same code and text, whether the client is unknown or disabled or its credentials are wrong. Clients without a
   * secret, by policy, cannot authenticate here except by an assertion.
   *
   * @throws TesseraError invalid_client, temporarily_unavailable, and what the limit throws
   */
  authenticate(tenant: Tenant, presented: PresentedCredentials, limit: CallerLimit): Awaitable<AuthenticatedCaller> {
    try {
      const client = this.#identify(tenant, presented.claimed, limit);
      const caller =
        presented.method === 'client_assertion'
          ? this.#byAssertion(tenant, client, presented.assertion, limit)
          : this.#bySecret(tenant, client, presented.credential, limit);
      return isLater(caller) ? caller.catch(refuse) : caller;
    } catch (error) {
      return refuse(error);
    }
  }

  #identify(tenant: Tenant, claimed: ClaimedClient, limit: CallerLimit): Client {
    try {
      const client = findClaimedClient(tenant, claimed);
      limit.clientFound(client);
      return client;
    } catch (error) {
      // An unknown client has a key of its own, so that a client of this id that is created a moment later is served.
      limit.identified({ key: `${nameOf(tenant.id, claimed)} unknown`, isGuessable: false, isUnknown: true });
      throw error;
    }
  }

  async #byAssertion(
    tenant: Tenant,
    client: Client,
    assertion: ClientAssertion,
    limit: CallerLimit,
  ): Promise<AuthenticatedCaller> {
    // A signature cannot be guessed. Its failures count separately, so that they cannot block the client's secret.
    limit.identified({ key: `${keyOf(tenant, client)} by assertion`, isGuessable: false });
    const { credentialId, notAfter } = await this.#assertions.authenticate(tenant, client, assertion);
    limit.authenticated();
    return { client, secretId: credentialId, notAfter };
  }

  #bySecret(tenant: Tenant, client: Client, credential: Secret, limit: CallerLimit): Awaitable<AuthenticatedCaller> {
    // Counts under the same key as generateToken: a guess at either endpoint is a guess at the same secret.
    limit.identified({ key: keyOf(tenant, client), isGuessable: true });
    const credentials = { projectId: client.projectId, clientId: client.id, credential };
    const matched = this.#clients.authenticate(tenant, credentials, 'secret required', limit);
    return andThen(matched, callerOf);
  }
}

function callerOf({ client, secretId }: ClientAuthenticationResult): AuthenticatedCaller {
  return { client, secretId, notAfter: undefined };
}

function nameOf(tenantId: TenantId, { projectId, clientId }: ClaimedClient): string {
  return `${tenantId}/${projectId ?? '?'}/${clientId}`;
}

function keyOf(tenant: Tenant, { projectId, id: clientId }: Client): string {
  return nameOf(tenant.id, { projectId, clientId });
}

function refuse(error: unknown): never {
  throw error instanceof TesseraError && (error.code === 'unauthorized' || error.code === 'client_not_found')
    ? new TesseraError('invalid_client', error.reason, { cause: error })
    : error;
}
