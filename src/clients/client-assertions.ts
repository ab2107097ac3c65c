import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { Clock, CLOCK_SKEW_SECONDS, epochSeconds } from '../domain/clock.ts';
import { issuerOf } from '../domain/issuer.ts';
import { serviceId } from '../domain/service-id.ts';
import { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';
import { replayId, type SubjectToken } from '../identity-providers/subject-token.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { type ClaimedClient, findClaimedClient, mayBeSameClient } from './claimed-client.ts';
import { asRefusedAssertion, ClientAssertion, refusedAssertion } from './client-assertion.ts';
import { refuseInactive } from './client-authentication.ts';
import { findSigningKey } from './client-keys.ts';
import { refusalOfClientAssertion } from './private-key-jwt.ts';
import { verifyWorkload } from './workload-assertion.ts';

/** What an assertion has shown besides the client. */
export interface VerifiedAssertion {
  /** What the client authenticated with, for records: `key:<kid>` or `workload:<trusted issuer's id>`. */
  readonly credentialId: string;
  /** The latest `exp` of a token, epoch seconds; undefined: no limit. */
  readonly notAfter: number | undefined;
}

/**
 * Authenticates clients by assertions: their own, signed by a key of the client (RFC 7523, section 2.2) and redeemed once, or a token that an identity
 * provider has issued to a workload, which may be shown again.
 */
@Injectable()
export class ClientAssertions {
  readonly #publicUrl: string;
  readonly #keySets: RemoteKeySets;
  readonly #replay: ReplayProtection;
  readonly #clock: Clock;

  constructor(
    @Inject(CONFIG) { publicUrl }: Pick<Config, 'publicUrl'>,
    keySets: RemoteKeySets,
    replay: ReplayProtection,
    clock: Clock,
  ) {
    this.#publicUrl = publicUrl;
    this.#keySets = keySets;
    this.#replay = replay;
    this.#clock = clock;
  }

  /**
   * A client that is not active is refused first: nothing is fetched for it. An assertion is redeemed last.
   *
   * @throws TesseraError invalid_client, unauthorized for a client that is not active, temporarily_unavailable
   */
  async authenticate(tenant: Tenant, client: Client, assertion: ClientAssertion): Promise<VerifiedAssertion> {
    refuseInactive(tenant, client);
    const { issuingClient } = assertion;
    const token = ClientAssertion.token(assertion);
    return issuingClient === undefined || (client.workload !== undefined && !mayName(issuingClient, client))
      ? this.#byWorkload(tenant, client, token)
      : this.#byKey(tenant, client, token, issuingClient);
  }

  async #byWorkload(tenant: Tenant, client: Client, token: SubjectToken): Promise<VerifiedAssertion> {
    const deps = { publicUrl: this.#publicUrl, keySets: this.#keySets, clock: this.#clock };
    const verification = verifyWorkload(deps, tenant, client, token, () => undefined);
    const { issuer, notAfter } = await refusingTheAssertion(verification);
    return { credentialId: `workload:${issuer}`, notAfter };
  }

  async #byKey(
    tenant: Tenant,
    client: Client,
    token: SubjectToken,
    issuingClient: ClaimedClient,
  ): Promise<VerifiedAssertion> {
    // `client_id` may use the other form of the name, but not name another client.
    if (!mayName(issuingClient, client) || findClaimedClient(tenant, issuingClient) !== client)
      throw refusedAssertion('it is of another client');
    const key = await refusingTheAssertion(findSigningKey(this.#keySets, tenant, client, token));
    const now = epochSeconds(this.#clock.nowMs());
    const refusal = refusalOfClientAssertion(token, issuerOf(this.#publicUrl, tenant.id), now);
    if (refusal !== undefined) throw refusedAssertion(refusal);
    const once = {
      // By the client and not by its name in the assertion, which has two forms.
      issuer: serviceId({ projectId: client.projectId, clientId: client.id }),
      tokenId: replayId(token),
      // The check has verified that it is a number.
      until: Math.floor(token.claims['exp'] as number) + CLOCK_SKEW_SECONDS,
    };
    if (!(await this.#replay.redeem(tenant.id, once))) throw refusedAssertion('it was used before');
    return { credentialId: keyName(key.kid), notAfter: undefined };
  }
}

/** An identity provider can have a name of the same form: `kubernetes/serviceaccount` was the issuer of clusters for years. */
function mayName(claimed: ClaimedClient, { projectId, id: clientId }: Client): boolean {
  return mayBeSameClient(claimed, { projectId, clientId });
}

async function refusingTheAssertion<T>(verification: Promise<T>): Promise<T> {
  try {
    return await verification;
  } catch (error) {
    throw asRefusedAssertion(error);
  }
}

/** The audit's column holds ASCII of limited length. A kid is what the owner of the key set has chosen. */
function keyName(kid: string | undefined): string {
  const name = `key:${kid ?? '?'}`;
  return /^[\x20-\x7e]{1,128}$/.test(name) ? name : 'key:?';
}
