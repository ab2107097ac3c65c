import {
  CallerAuthentication,
  type AuthenticatedCaller,
  type CallerLimit,
} from '../../clients/caller-authentication.ts';
import { type ClaimedClient, clientsOfName } from '../../clients/claimed-client.ts';
import { ClientAssertion } from '../../clients/client-assertion.ts';
import { ClientAuthentication, refuseInactive } from '../../clients/client-authentication.ts';
import type { PresentedCredentials } from '../../clients/client-credentials.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Client, Tenant } from '../../tenancy/tenant.ts';

/** The steps in their order: the client that a request names, and its credentials. */
export const CALLER_STEPS = ['client', 'authenticate'] as const;

/** Stands for an assertion that the client would send. It is never verified. */
const ASSUMED_ASSERTION = ClientAssertion.parse(
  ['{"alg":"ES256"}', '{"iss":"assumed"}', Buffer.alloc(64)]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.'),
);

/** Authenticates clients at the token endpoint with credentials that are assumed to be valid. Only for `explain`: no server uses it. */
export class AssumedCallers implements Pick<CallerAuthentication, 'authenticate'> {
  readonly passed: string[] = [];
  readonly assumed = new Map<string, string>();
  readonly found = new Map<string, string>();
  /** The clients of the name that the request gives: several are none. */
  namesakes: readonly Client[] = [];
  readonly #callers: CallerAuthentication;

  constructor(clock: Clock) {
    const secrets = {
      match: (_tenant: Tenant, { policy }: Client) =>
        Promise.resolve(policy.kind === 'confidential' ? 'assumed' : undefined),
    };
    const assertions = {
      authenticate: (tenant: Tenant, client: Client) => {
        refuseInactive(tenant, client);
        return Promise.resolve({ credentialId: 'assumed', notAfter: undefined });
      },
    };
    this.#callers = new CallerAuthentication(
      new ClientAuthentication(secrets, { record: () => undefined }, clock),
      assertions,
    );
  }

  /** @param presented any secret */
  async authenticate(
    tenant: Tenant,
    presented: PresentedCredentials,
    limit: CallerLimit,
  ): Promise<AuthenticatedCaller> {
    const { claimed } = presented;
    this.namesakes = clientsOfName(tenant, claimed);
    const [client] = this.namesakes;
    const method = client === undefined ? undefined : methodOf(client);
    if (method !== undefined) this.assumed.set('authenticate', method.words);
    const caller = await this.#callers.authenticate(
      tenant,
      method?.isAssertion === true ? { claimed, method: 'client_assertion', assertion: ASSUMED_ASSERTION } : presented,
      {
        identified: (attempt) => {
          limit.identified(attempt);
        },
        clientFound: (one) => {
          this.#clientFound(claimed, one);
          limit.clientFound(one);
        },
        authenticated: () => {
          limit.authenticated();
        },
      },
    );
    this.passed.push('authenticate');
    return caller;
  }

  #clientFound({ projectId }: ClaimedClient, client: Client): void {
    this.passed.push('client');
    if (projectId === undefined)
      this.found.set('client', `${client.projectId}/${client.id}: no other project has a client of that id`);
  }
}

/** What the client would authenticate by. */
function methodOf({ policy, workload, keys, jwksUri }: Client): {
  readonly isAssertion: boolean;
  readonly words: string;
} {
  if (policy.kind !== 'confidential' && workload !== undefined)
    return { isAssertion: true, words: `the client sends a valid token of its workload, of issuer ${workload.issuer}` };
  if (policy.kind !== 'confidential' && (keys.length > 0 || jwksUri !== undefined))
    return { isAssertion: true, words: 'the client sends a valid assertion, signed by one of its keys' };
  return { isAssertion: false, words: 'the client sends a valid secret' };
}
