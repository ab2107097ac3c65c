import type { Client, Tenant } from '../tenancy/tenant.ts';
import type { Subject } from '../directory/subject.ts';
import type { Surface } from '../domain/surface.ts';
import type { TokenExchange } from '../domain/token-exchange.ts';

export interface AuthorizationFacts {
  readonly tenant: Tenant;
  readonly client: Client;
  readonly surface: Surface;
  readonly subject: Pick<Subject, 'id' | 'email'>;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  /** The most that the token may live, policies of tenant and client applied. */
  readonly ttlSeconds: number;
  /** The latest `exp` that the proof allows, epoch seconds; undefined: no bound of its own. */
  readonly notAfter: number | undefined;
  /** Undefined: no token was exchanged. */
  readonly exchange: TokenExchange | undefined;
}

/** Held by `admit` alone (src/admission/admit.ts); the boundaries check refuses any other importer. */
export const sealAuthorizationDecision = Symbol('sealAuthorizationDecision');

/**
 * The decision that a token may be made, with all that it may say. The ground for every token: `buildClaims` takes nothing else, and only `admit` makes one.
 */
export class AuthorizationDecision {
  readonly facts: AuthorizationFacts;

  private constructor(facts: AuthorizationFacts) {
    this.facts = Object.freeze(facts);
  }

  static [sealAuthorizationDecision](facts: AuthorizationFacts): AuthorizationDecision {
    return new AuthorizationDecision(facts);
  }
}
