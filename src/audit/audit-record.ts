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
  /** The caller was answered with a refusal, while the work may still go on: it must not come to a token. */
  isOver?: boolean;
  /** When it ended, milliseconds since the epoch. */
  at?: number | undefined;
}

/** A trace that came to its end; `at` is milliseconds since the epoch. Unchanged until the store has answered. */
export interface AuditRecord extends Readonly<AuditTrace> {
  readonly at: number;
  readonly outcome: AuditOutcome;
}

/** What names one record of an issued token in the store. */
export type RecordKey = Readonly<Pick<AuditRecord, 'at' | 'requestId' | 'tokenId'>>;

/** Where records are kept. One adapter: the control plane. */
export abstract class AuditStore {
  /** Durable when it resolves. Called with up to `AuditTrail.MAX_BATCH` records, one call in flight. */
  abstract append(records: readonly AuditRecord[]): Promise<void>;

  /**
   * Of records that may have been written although `append` failed or came too late: none says `issued` when it resolves, as far as it was
   * written by then. What is kept instead says `reason`.
   */
  abstract disown(records: readonly RecordKey[], reason: string): Promise<void>;
}
