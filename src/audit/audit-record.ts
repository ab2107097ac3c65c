import type { ErrorCode } from '../errors/error-table.ts';

/** How a request ended: a token left, one was revoked, or the code of an error. */
export type AuditOutcome = 'issued' | 'revoked' | ErrorCode;

/** What the steps of a request have established. No secret, no token, no e-mail address: a subject is named by its stable id alone. */
export interface AuditFacts {
  readonly tenantId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly keyId?: string | undefined;
  /** The client's secret that matched. */
  readonly secretId?: string | undefined;
}

/** One row of the audit store. */
export interface AuditRecord extends AuditFacts {
  /** When the request ended, milliseconds since the epoch. */
  readonly at: number;
  readonly requestId: string;
  readonly route: string;
  readonly source: string;
  readonly outcome: AuditOutcome;
  /** The private reason of an error: a fixed phrase. */
  readonly reason?: string | undefined;
}

/** What is known at the end of a request, whether or not there is a record of it. */
export type Conclusion = AuditFacts & Partial<Pick<AuditRecord, 'outcome' | 'reason'>>;

/** A request whose end is recorded, as the edge knows it. */
export interface AuditedRequest {
  readonly requestId: string;
  readonly route: string;
  readonly source: string;
  /** Set once, by the `Auditor`, when the request is over: the request's line in the log is written from it. */
  conclusion: Conclusion | undefined;
}

/** What names one record of an issued token in the store. */
export type RecordKey = Readonly<Pick<AuditRecord, 'at' | 'requestId' | 'tokenId'>>;

/** Where records are kept. One adapter: the control plane. */
export abstract class AuditStore {
  /** Durable when it resolves. Called with up to `AuditTrail.MAX_BATCH` records, one call in flight. */
  abstract append(records: readonly AuditRecord[]): Promise<void>;

  /**
   * Corrects records that may have been written although `append` failed or came too late. As far as they were written by then, none of them
   * says `issued` when it resolves; `reason` is kept instead.
   */
  abstract disown(records: readonly RecordKey[], reason: string): Promise<void>;
}
