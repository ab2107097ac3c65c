import type { KeyObject } from 'node:crypto';
import { wrongOption } from './option-rules.ts';
import { TokenError } from './token-error.ts';
import { DEMAND_FRESH, PUBLIC_KEY_OF, type TesseraTokenVerifier, TRUSTED_ISSUERS } from './token-verifier.ts';
import type { TrustedIssuers } from './trusted-issuers.ts';
import type { VerifiedToken } from './verified-token.ts';

/** A verifier and the issuers that it answers for. */
export interface VerifierOfIssuers {
  readonly trusted: TrustedIssuers;
  readonly verifier: TesseraTokenVerifier;
}

/**
 * Several verifiers as one. A token is verified by the one that trusts its issuer, with the audience, surfaces and revocations of that one only. What
 * one of them accepts says nothing about the others' issuers.
 */
export class SeveralVerifiers implements TesseraTokenVerifier {
  readonly #members: readonly VerifierOfIssuers[];

  /** @throws TypeError if two of them trust one issuer: then the stricter one could be avoided */
  constructor(members: readonly VerifierOfIssuers[]) {
    for (const [index, { trusted }] of members.entries())
      if (members.slice(0, index).some((earlier) => overlap(earlier.trusted, trusted)))
        throw wrongOption(
          'alsoTrust',
          'trusts an issuer that is trusted already',
          'name each issuer in one place only',
        );
    this.#members = members;
  }

  get [TRUSTED_ISSUERS](): readonly string[] {
    return this.#members.flatMap(({ verifier }) => verifier[TRUSTED_ISSUERS]);
  }

  async verify(token: string): Promise<VerifiedToken> {
    let untrusted = new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not a trusted issuer');
    for (const { verifier } of this.#members) {
      try {
        return await verifier.verify(token);
      } catch (error) {
        // At most one of them trusts the issuer, and its error is the answer.
        if (!(error instanceof TokenError) || error.code !== 'TOKEN_ISSUER_UNTRUSTED') throw error;
        untrusted = error;
      }
    }
    throw untrusted;
  }

  async hydrate(): Promise<void> {
    await Promise.all(this.#members.map(({ verifier }) => verifier.hydrate()));
  }

  close(): void {
    for (const { verifier } of this.#members) verifier.close();
  }

  [DEMAND_FRESH](token?: VerifiedToken): void {
    if (token !== undefined) this.#verifierOf(token)[DEMAND_FRESH](token);
    else for (const { verifier } of this.#members) verifier[DEMAND_FRESH]();
  }

  async [PUBLIC_KEY_OF](token: VerifiedToken): Promise<KeyObject> {
    return this.#verifierOf(token)[PUBLIC_KEY_OF](token);
  }

  #verifierOf({ issuer }: VerifiedToken): TesseraTokenVerifier {
    const member = this.#members.find(({ trusted }) => trusted.trusts(issuer));
    if (member === undefined) throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not a trusted issuer');
    return member.verifier;
  }
}

function overlap(one: TrustedIssuers, other: TrustedIssuers): boolean {
  return (
    (one.allTenantsOf !== undefined && one.allTenantsOf === other.allTenantsOf) ||
    one.listed.some(({ issuer }) => other.trusts(issuer)) ||
    other.listed.some(({ issuer }) => one.trusts(issuer))
  );
}
