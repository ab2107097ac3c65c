import type { SubjectReference } from '../directory/subject.ts';
import type { TokenExchange } from '../domain/token-exchange.ts';
import type { OneTimeProof } from '../replay/replay-protection.ts';
import type { Client } from '../tenancy/tenant.ts';

export interface AuthenticatedClientFacts {
  readonly client: Client;
  /** The subject for which the client requests a token. */
  readonly subject: SubjectReference;
  /** The latest `exp` that the credentials allow, epoch seconds; undefined: no limit of their own. */
  readonly notAfter: number | undefined;
  /** Undefined: no token was exchanged. */
  readonly exchange: TokenExchange | undefined;
  /**
   * Credentials that may be redeemed for one token in this tenant. They are redeemed after all checks and before the token is released. Undefined:
   * they may be used again.
   */
  readonly once: OneTimeProof | undefined;
  /** The client's secret that matched; undefined: it authenticated by other means. */
  readonly secretId: string | undefined;
}

/** Held by the grants' `authenticate`. */
export const sealAuthenticatedClient = Symbol('sealAuthenticatedClient');

/** A client that has authenticated. `authorize` accepts nothing else, so it cannot be called too early. */
export class AuthenticatedClient {
  readonly facts: AuthenticatedClientFacts;

  private constructor(facts: AuthenticatedClientFacts) {
    this.facts = Object.freeze(facts);
  }

  static [sealAuthenticatedClient](facts: AuthenticatedClientFacts): AuthenticatedClient {
    return new AuthenticatedClient(facts);
  }
}
