import type { ActorClaim } from '@tessera/token';

/** What a token contains about the tokens that it was exchanged for. */
export interface TokenExchange {
  /** Who acts for the subject, newest first (RFC 8693, section 4.1). Undefined: nobody does. */
  readonly actor: ActorClaim | undefined;
  /** The issuer of the token that identified the subject. Undefined: no identity provider did. */
  readonly identityProvider: string | undefined;
  /** The `jti` of the first token of this service in a chain of exchanges. Undefined: this one is the first. */
  readonly rootTokenId: string | undefined;
}
