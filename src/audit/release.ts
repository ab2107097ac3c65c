import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { AuditRecord, AuditTrace } from './audit-record.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { OneTimeProof, ReplayProtection } from '../replay/replay-protection.ts';

/** RFC 6749, section 5.1. */
export interface TokenResponse {
  readonly access_token: string;
  /** Whole seconds from now. */
  readonly expires_in: number;
  readonly token_type: 'Bearer';
}

export interface ReleasableToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** Where it is written that a token leaves. */
export interface ReleaseStores {
  readonly trail: AuditTrail;
  readonly spentProofs: ReplayProtection;
}

/**
 * The last hop: no token leaves that is not on record, and none for a proof that has had its token.
 *
 * The proof is spent first: a record that says `issued` must be true. When the record cannot be written then, the proof is used up for nothing, which
 * costs its holder a new one; the other order would cost a second token or a false record.
 *
 * @param once undefined: the proof may be used again
 * @throws TesseraError unauthorized for a proof that was spent before; temporarily_unavailable when either cannot be written. The token is dropped then
 */
export async function release(
  { trail, spentProofs }: ReleaseStores,
  nowMs: number,
  trace: AuditTrace,
  signed: ReleasableToken,
  once: OneTimeProof | undefined,
): Promise<TokenResponse> {
  refuseIfOver(trace);
  if (once !== undefined) await spend(spentProofs, trace, once);
  refuseIfOver(trace);
  // The trace itself becomes the record: a copy would cost as much as a look-up. A refusal by the store overwrites its outcome.
  trace.at = nowMs;
  trace.outcome = 'issued';
  await trail.append(trace as AuditRecord);
  return { access_token: signed.token, expires_in: signed.expiresInSeconds, token_type: 'Bearer' };
}

/** The caller has its refusal by now. */
function refuseIfOver(trace: AuditTrace): void {
  if (trace.isOver === true) throw unavailable('token', 'not made in time');
}

async function spend(spentProofs: ReplayProtection, trace: AuditTrace, once: OneTimeProof): Promise<void> {
  if (trace.tenantId === undefined) throw new Error('a proof is spent in a tenant');
  if (await spentProofs.spend(trace.tenantId, once)) return;
  // The record of the refusal must not name a token that nobody ever gets.
  delete trace.tokenId;
  delete trace.keyId;
  throw new TesseraError('unauthorized', 'the foreign token is refused: it was used before');
}
