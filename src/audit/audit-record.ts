import type { Surface } from '../domain/surface.ts';
import type { ErrorCode } from '../errors/error-table.ts';

/** The outcome of a request: a token was issued, one was revoked, or an error code. */
export type AuditOutcome = 'issued' | 'revoked' | ErrorCode;

/** The facts that the steps of a request have established. Contains no secret, token or email address: a subject is named only by its stable id. */
export interface AuditFacts {
  readonly tenantId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly subjectId?: string | undefined;
  /** If nobody was found: a keyed digest of the address that was looked up. See `SubjectDigests`. */
  readonly subjectDigest?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly keyId?: string | undefined;
  /** The client's secret that matched. */
  readonly secretId?: string | undefined;
  /** Only for requests of the token endpoint. */
  readonly grant?: GrantFacts | undefined;
}

/** What a request of the token endpoint asked for. */
export interface GrantFacts {
  /** The OAuth grant type. */
  readonly type: string;
  /** The following are undefined if the request was refused before. */
  readonly audience?: string | undefined;
  /** The client that acts for the subject, as in `act`. */
  readonly actor?: string | undefined;
  /** The `jti` of the token that was exchanged. */
  readonly parentTokenId?: string | undefined;
  /** The `jti` of the first token of the chain. */
  readonly rootTokenId?: string | undefined;
}

/** What is known of an exchange before the client may have the token. */
export type ExchangeFacts = Pick<GrantFacts, 'audience' | 'parentTokenId' | 'rootTokenId'>;

/** One row of the audit store. */
export interface AuditRecord extends AuditFacts {
  /** When the request ended, milliseconds since the epoch. */
  readonly at: number;
  readonly requestId: string;
  readonly route: string;
  readonly source: string;
  readonly outcome: AuditOutcome;
  /** The private reason of an error, a fixed phrase. */
  readonly reason?: string | undefined;
}

/** The facts and outcome at the end of a request, whether or not it is recorded. */
export type Conclusion = AuditFacts & Partial<Pick<AuditRecord, 'outcome' | 'reason'>>;

/** What the edge reads of a request's work when the request ends. */
export interface WorkSoFar {
  /** What is established, for the access line of a client that closes the connection too early. */
  facts(): Conclusion;
  /** For the metrics, because the route of the token endpoint has tokens of several surfaces. Undefined: the request asks for no token. */
  readonly tokenSurface: Surface | undefined;
}

/** A request to be recorded, as the edge passes it on. */
export interface AuditedRequest {
  readonly requestId: string;
  readonly route: string;
  readonly source: string;
  /** Set once by the `Auditor` at the end of the request. The access line is written from it. */
  conclusion: Conclusion | undefined;
  /** Set once by the `Auditor` at the start. */
  work?: WorkSoFar | undefined;
}

/** Identifies the record of an issued token in the store. */
export type RecordKey = Readonly<Pick<AuditRecord, 'at' | 'requestId' | 'tokenId'>>;

/** Stores audit records. Its only adapter uses the control plane. */
export abstract class AuditStore {
  /** Durable when it resolves. Called with up to `AuditTrail.MAX_BATCH` records, one call at a time. */
  abstract append(records: readonly AuditRecord[]): Promise<void>;

  /**
   * Corrects records that may have been written although `append` failed or came too late. When it resolves, those that were written by then
   * no longer say `issued` but contain `reason`.
   */
  abstract markUnreleased(records: readonly RecordKey[], reason: string): Promise<void>;
}
