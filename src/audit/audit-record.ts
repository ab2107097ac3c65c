import type { ErrorCode } from '../errors/error-table.ts';

/** How a request ended: a token left, one was revoked, or the code of a refusal. */
export type AuditOutcome = 'issued' | 'revoked' | ErrorCode;

/**
 * What is known of one request for a token. Made at the edge; each hop adds what it has established, so that a refusal at any hop
 * says how far the request got. No secret, no token, no e-mail: a subject is named by its stable id alone.
 */
export interface AuditTrace {
  readonly requestId: string;
  readonly route: string;
  readonly source: string;
  outcome?: AuditOutcome | undefined;
  /** The private reason of a refusal: a fixed phrase. */
  reason?: string | undefined;
  tenantId?: string | undefined;
  projectId?: string | undefined;
  clientId?: string | undefined;
  subjectId?: string | undefined;
  tokenId?: string | undefined;
  keyId?: string | undefined;
  /** Which of the client's secrets proved it. */
  secretId?: string | undefined;
  /** When it ended, milliseconds since the epoch. */
  at?: number | undefined;
}

/** A trace that came to its end; `at` is milliseconds since the epoch. Unchanged until the store has answered. */
export interface AuditRecord extends Readonly<AuditTrace> {
  readonly at: number;
  readonly outcome: AuditOutcome;
}

/** Where records are kept. One adapter: the control plane. */
export abstract class AuditStore {
  /** Durable when it resolves. Called with up to `AuditTrail.MAX_BATCH` records, one call in flight. */
  abstract append(records: readonly AuditRecord[]): Promise<void>;
}
