import type { VerifiedToken } from '@tessera/token/core';
import { TesseraError } from '../../errors/tessera-error.ts';

/** RFC 7662, section 2.2: the response does not say why a token is not active. */
export interface InactiveToken {
  readonly active: false;
}

export interface ActiveToken {
  readonly active: true;
  readonly [claim: string]: unknown;
}

export const INACTIVE: InactiveToken = Object.freeze({ active: false });

/** The token's claims under their wire names. No claim can override `active`. */
export function activeToken(token: VerifiedToken, members: Readonly<Record<string, unknown>> = {}): ActiveToken {
  return { ...token.claims, ...members, active: true };
}

/** Receives the private reason why a token is not active, for the log. */
export interface InactiveReason {
  reason: string | undefined;
}

/** Undefined for a token that is not active. An outage stays an error. */
export async function activeTokenOrUndefined(
  verification: Promise<VerifiedToken>,
  log: InactiveReason,
): Promise<VerifiedToken | undefined> {
  try {
    return await verification;
  } catch (error) {
    if (!(error instanceof TesseraError) || error.code !== 'unauthorized') throw error;
    log.reason = error.reason;
    return undefined;
  }
}
