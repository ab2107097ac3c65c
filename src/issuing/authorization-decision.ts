import type { Client, Tenant } from '../tenancy/tenant.ts';
import type { Subject } from '../directory/subject.ts';
import type { Surface } from '../domain/surface.ts';
import type { TokenExchange } from '../domain/token-exchange.ts';

export interface AuthorizationFacts {
  readonly tenant: Tenant;
  readonly client: Client;
  readonly surface: Surface;
  /** The one service that the token is for. */
  readonly audience: string;
  readonly subject: Pick<Subject, 'id' | 'email'>;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  /** The maximum lifetime of the token by the policies of tenant and client. */
  readonly ttlSeconds: number;
  /** The latest `exp` that the client's credentials allow, epoch seconds; undefined: they set no limit. */
  readonly notAfter: number | undefined;
  /** Undefined: no token was exchanged. */
  readonly exchange: TokenExchange | undefined;
}

/** The key for making an AuthorizationDecision. Only `authorize` (src/token-grants/authorize.ts) imports it; the boundaries check refuses other importers. */
export const sealAuthorizationDecision = Symbol('sealAuthorizationDecision');

/** The authorization decision that every token is built from. `buildClaims` takes nothing else, and only `authorize` makes one. */
export class AuthorizationDecision {
  readonly facts: AuthorizationFacts;

  private constructor(facts: AuthorizationFacts) {
    this.facts = Object.freeze(facts);
  }

  static [sealAuthorizationDecision](facts: AuthorizationFacts): AuthorizationDecision {
    return new AuthorizationDecision(facts);
  }
}
