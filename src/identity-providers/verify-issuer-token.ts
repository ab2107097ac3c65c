import { type Clock, epochSeconds } from '../domain/clock.ts';
import { isIssuerOfThisService } from '../domain/issuer.ts';
import type { Trust } from '../tenancy/tenant.ts';
import { CLAIM_CHECKS } from './claim-checks.ts';
import { findConfirmingKey } from './keys/find-confirming-key.ts';
import type { ProviderKey } from './keys/provider-key-set.ts';
import type { RemoteKeySets } from './keys/remote-key-sets.ts';
import { signatureHolds } from './subject-token-algorithm.ts';
import { refusedToken } from './subject-token-refusal.ts';
import { isTypeAllowed } from './subject-token-type.ts';
import type { SubjectToken } from './subject-token.ts';

export interface IssuerTokenDeps {
  /** The base of this service's own issuers. */
  readonly publicUrl: string;
  readonly keySets: RemoteKeySets;
  readonly clock: Clock;
}

/** A token of an issuer that the tenant may trust. */
export interface IssuerTokenQuestion {
  readonly token: SubjectToken;
  /**
   * Finds the trusted issuer by its URL. What the token is presented for decides which issuers it may be of.
   *
   * @throws TesseraError unauthorized
   */
  readonly trustFor: (issuer: string) => Trust;
  /** Who pays for the search of an unknown key. */
  readonly accountOf: (trust: Trust) => string;
}

/** A token of a trusted issuer that meets everything that its issuer is trusted with. What it may be used for is not checked. */
export interface VerifiedIssuerToken {
  readonly trust: Trust;
  readonly claims: SubjectToken['claims'];
  /** Epoch seconds. */
  readonly now: number;
  /** Whole epoch seconds. */
  readonly expiresAt: number;
}

/** In their order, after the form. Each must pass before the next begins. */
export const ISSUER_TOKEN_STEPS = [
  'trust',
  'key',
  'signature',
  ...(Object.keys(CLAIM_CHECKS) as (keyof typeof CLAIM_CHECKS)[]),
] as const;
export type IssuerTokenStep = (typeof ISSUER_TOKEN_STEPS)[number];

/**
 * Verifies a token of a trusted issuer. Before the trusted issuer is found, no outgoing connection is made. Before the signature is verified, the
 * token's content is used only to find the key.
 *
 * @param passed called after each step; after a refusal, the failed step is the one after the last call
 * @throws TesseraError unauthorized, temporarily_unavailable
 */
export async function verifyIssuerToken(
  { publicUrl, keySets, clock }: IssuerTokenDeps,
  { token, trustFor, accountOf }: IssuerTokenQuestion,
  passed: (step: IssuerTokenStep) => void,
): Promise<VerifiedIssuerToken> {
  // Our own tokens authenticate a client, not a subject. If they were accepted here, every token could be renewed forever.
  if (isIssuerOfThisService(publicUrl, token.issuer)) throw refusedToken('it is one of ours');
  const trust = trustFor(token.issuer);
  if (!trust.algorithms.includes(token.algorithm)) throw refusedToken('its issuer is not trusted with this algorithm');
  if (!isTypeAllowed(token.type, trust.types)) throw refusedToken('its issuer is not trusted with tokens of this typ');
  passed('trust');

  const question = { account: accountOf(trust), token };
  const confirms = ({ publicKey }: ProviderKey) =>
    signatureHolds(token.algorithm, publicKey, token.signingInput, token.signature);
  const key = await findConfirmingKey(keySets, trust, question, confirms, () => {
    passed('key');
  });
  if (key === undefined) throw refusedToken('the key does not confirm its signature');
  passed('signature');

  const now = epochSeconds(clock.nowMs());
  const judged = { claims: token.claims, trust, now };
  for (const [step, refusalOf] of Object.entries(CLAIM_CHECKS)) {
    const refusal = refusalOf(judged);
    if (refusal !== undefined) throw refusedToken(refusal);
    passed(step as keyof typeof CLAIM_CHECKS);
  }
  // The checks have verified that it is a number.
  return { ...judged, expiresAt: Math.floor(token.claims['exp'] as number) };
}
