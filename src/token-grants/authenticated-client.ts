import type { SubjectReference } from '../directory/subject.ts';
import type { OneTimeProof } from '../replay/replay-protection.ts';
import type { TokenExchange } from '../domain/token-exchange.ts';
import type { Client } from '../tenancy/tenant.ts';

export interface AuthenticatedClientFacts {
  readonly client: Client;
  readonly subject: SubjectReference;
  /** The latest end of life that the proof allows, epoch seconds; undefined: the proof sets none. */
  readonly notAfter: number | undefined;
  /** Undefined: no token was exchanged. */
  readonly exchange: TokenExchange | undefined;
  /** Good for one token in this tenant: spent after every check and before the token leaves. Undefined: the proof may be used again. */
  readonly once: OneTimeProof | undefined;
}

/** Held by the functions that prove a caller; the boundaries check refuses any other importer. */
export const sealAuthenticatedClient = Symbol('sealAuthenticatedClient');

/** A caller that has shown that it may ask for this subject. `admit` takes nothing else, so it cannot be reached too early. */
export class AuthenticatedClient {
  readonly facts: AuthenticatedClientFacts;

  private constructor(facts: AuthenticatedClientFacts) {
    this.facts = Object.freeze(facts);
  }

  static [sealAuthenticatedClient](facts: AuthenticatedClientFacts): AuthenticatedClient {
    return new AuthenticatedClient(facts);
  }
}
