import type { VerifiedToken } from '@tessera/token/core';
import type { AuditTrace } from '../audit/audit-record.ts';
import { TesseraError } from '../errors/tessera-error.ts';

/** RFC 7662, section 2.2: why a token is not active is nobody's business, not even that of who asked. */
export interface InactiveToken {
  readonly active: false;
}

export interface ActiveToken {
  readonly active: true;
  readonly [claim: string]: unknown;
}

export const INACTIVE: InactiveToken = Object.freeze({ active: false });

/** The token's claims under their wire names. No claim of a token can say that it is active. */
export function activeToken(token: VerifiedToken, members: Readonly<Record<string, unknown>> = {}): ActiveToken {
  return { ...token.claims, ...members, active: true };
}

/**
 * Turns "refused" into "there is none"; that nothing can be said about it now stays an error.
 *
 * @param trace where the private reason is noted, for the log
 */
export async function activeTokenOrUndefined(
  verification: Promise<VerifiedToken>,
  trace: AuditTrace,
): Promise<VerifiedToken | undefined> {
  try {
    return await verification;
  } catch (error) {
    if (!(error instanceof TesseraError) || error.code !== 'unauthorized') throw error;
    trace.reason = error.reason;
    return undefined;
  }
}
