import { ClientAuthentication } from '../../../clients/client-authentication.ts';
import { Secret } from '../../../config/secret.ts';
import type { Clock } from '../../../domain/clock.ts';
import { parseNetwork } from '../../../domain/networks.ts';
import type { TesseraError } from '../../../errors/tessera-error.ts';
import type { AttemptKey } from '../../../rate-limit/attempt-limit.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import type { AuthenticatedClient } from '../../authorize.ts';
import type { ExplainedGrant } from '../../explain.ts';
import { type AuthenticationProgress, type TokenRequestInput, tokenResponse } from '../../grant.ts';
import { ClientSecretGrant, type SecretTokenRequest } from './client-secret.grant.ts';

const STEP = 'authenticate';

/** Stands for a secret that the client would send. Its comparison is assumed to match, so that no credential is needed. */
const ASSUMED_SECRET = new Secret('assumed');

/** The grant of generateToken with an assumed secret or, for a secretless client, an assumed network. Only for `explain`: no server uses this grant. */
export class ExplainedSecretGrant implements ExplainedGrant<SecretTokenRequest> {
  readonly name = 'explain';
  readonly type = undefined;
  readonly respond = tokenResponse;
  readonly steps = [STEP];
  readonly passed: string[] = [];
  readonly assumed = new Map<string, string>();
  readonly found = new Map<string, string>();
  readonly #grant: ClientSecretGrant;
  readonly #refusal: TesseraError | undefined;

  /** @param refusal the request is refused with it where its address would be parsed; undefined: it has an address */
  constructor(clock: Clock, refusal: TesseraError | undefined) {
    this.#refusal = refusal;
    const secrets = { match: () => Promise.resolve('assumed') };
    const uses = { record: () => undefined };
    this.#grant = new ClientSecretGrant(new ClientAuthentication(secrets, uses, clock));
  }

  parse(input: TokenRequestInput): SecretTokenRequest {
    if (this.#refusal !== undefined) throw this.#refusal;
    return this.#grant.parse(input);
  }

  attemptKey(): AttemptKey {
    return { key: this.name, isGuessable: false };
  }

  async authenticate(
    tenant: Tenant,
    request: SecretTokenRequest,
    progress: AuthenticationProgress,
  ): Promise<AuthenticatedClient> {
    const policy = tenant.projects.get(request.projectId)?.clients.get(request.clientId)?.policy;
    const networks = policy?.kind === 'secretless' ? policy.networks : [];
    this.assumed.set(
      STEP,
      policy?.kind === 'secretless'
        ? `the client asks without a secret from one of its networks: ${networks.join(', ')}`
        : 'the client sends a valid secret',
    );
    const authenticated = await this.#grant.authenticate(
      tenant,
      {
        ...request,
        network: parseNetwork(networks[0] ?? '')?.address ?? '',
        credential: policy?.kind === 'secretless' ? undefined : ASSUMED_SECRET,
      },
      progress,
    );
    this.passed.push(STEP);
    return authenticated;
  }

  errorOf(error: unknown): unknown {
    return error;
  }
}
