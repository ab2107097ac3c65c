import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Surface } from '../domain/surface.ts';
import type { ErrorCode } from '../errors/error-table.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { TimeLimit } from '../runtime/time-limit.ts';
import type { AuditedRequest, AuditOutcome, AuditRecord, Conclusion, WorkSoFar } from './audit-record.ts';
import { AuditTrail } from './audit-trail.ts';
import { SubjectDigests } from './subject-digests.ts';

/**
 * Which errors are recorded in the store. The others named no well-formed client or came from a limited source. They appear only in the access line,
 * so that a flood of requests does not become a flood of rows.
 */
const KEPT: Readonly<Record<ErrorCode, boolean>> = Object.freeze({
  invalid_request: false,
  payload_too_large: false,
  unsupported_media_type: false,
  route_not_found: false,
  method_not_allowed: false,
  request_timeout: false,
  header_fields_too_large: false,
  too_many_requests: false,
  unauthorized: true,
  invalid_client: true,
  unauthorized_client: true,
  invalid_grant: true,
  invalid_scope: true,
  invalid_target: true,
  unsupported_grant_type: false,
  forbidden: true,
  client_not_found: true,
  token_too_large: true,
  temporarily_unavailable: true,
  server_error: true,
});

/**
 * Time limit of all steps of a request together. Each dependency has its own limit, but a request may meet several slow ones, and an outage must be
 * answered within 3 s. The rest of that time is for the record.
 */
const ANSWER = new TimeLimit(2_400);
/**
 * If that time is over while the record of a success is being written, the result of the write decides: the token is released with its record, or an
 * error is answered without one. This is the time limit for that result, taken from the time for the error's record.
 */
const WRITE = new TimeLimit(350);
/**
 * How long an error waits for its own record. If the audit store is down, the record would only wait for the same timeout again; it is then written
 * in the background if possible.
 */
const ERROR_RECORD = new TimeLimit(400);

/** For an auditor of requests that look nobody up. */
const NO_DIGESTS: Pick<SubjectDigests, 'of'> = Object.freeze({ of: () => Promise.resolve(undefined) });

/** Limits the records of requests that a dependency cannot answer, which anybody can send. */
export interface UnansweredLimit {
  /** Counts the request. @returns whether it is to be recorded */
  countUnanswered(): boolean;
}

/** The state of one request for its audit record. The steps note here the facts that they have established. */
export abstract class AuditedWork implements WorkSoFar {
  readonly request: AuditedRequest;
  /** Whether the request was answered with an error while a step still runs. The steps must then not issue a token. */
  isOver = false;
  /** The record of the success, once it is made and until the request ends. */
  success: AuditRecord | undefined = undefined;
  /** An address that was looked up and not found. Only its keyed digest is recorded. */
  unknownSubject: { readonly tenantId: TenantId; readonly email: CanonicalEmail } | undefined = undefined;

  /** Undefined until the request has named its client. */
  limit: UnansweredLimit | undefined = undefined;

  constructor(request: AuditedRequest) {
    this.request = request;
  }

  /** The facts so far. Read at the end; `reason` is for the log if there is neither an error nor a record. */
  abstract facts(): Conclusion;

  get tokenSurface(): Surface | undefined {
    return undefined;
  }

  /** @throws TesseraError temporarily_unavailable if the request was answered already */
  refuseIfOver(): void {
    if (this.isOver) throw notInTime();
  }
}

/** Ensures that a request ends in time and is recorded, whether it succeeds or fails. */
@Injectable()
export class Auditor {
  readonly #trail: AuditTrail;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #digests: Pick<SubjectDigests, 'of'>;

  constructor(
    trail: AuditTrail,
    clock: Clock,
    log: Log,
    @Inject(SubjectDigests) digests: Pick<SubjectDigests, 'of'> = NO_DIGESTS,
  ) {
    this.#trail = trail;
    this.#clock = clock;
    this.#log = log;
    this.#digests = digests;
  }

  /**
   * Waits for the steps of a request. An error of any step is recorded with its private reason before it is passed on.
   *
   * The error stays the same if its record cannot be written: a store that is down must not change a 401 to another answer.
   */
  async run<T>(work: AuditedWork, steps: Promise<T>): Promise<T> {
    work.request.work = work;
    const write = { isUnderWay: false };
    try {
      const answer = await ANSWER.within(steps, () => {
        // From here on, the steps cannot record a success, unless its record is being written already. Then the result of that write is the answer.
        work.isOver = true;
        write.isUnderWay = work.success !== undefined && this.#trail.withdraw(work.success);
        return write.isUnderWay ? this.#outcomeOfWrite(work, steps) : Promise.reject(notInTime());
      });
      work.request.conclusion = work.success ?? work.facts();
      return answer;
    } catch (error) {
      const isKnown = error instanceof TesseraError;
      const code = isKnown ? error.code : 'server_error';
      const known = this.recordOf(work, code, isKnown ? error.reason : 'unexpected error');
      work.request.conclusion = known;
      if (isKept(work, code) && (!isKnown || error.isRecorded)) {
        const recorded = this.#appendError(work, known).catch(() => {
          this.#log.warn('audit_record_not_written', { request_id: known.requestId });
        });
        // The time for waiting was used up if the write of a success was awaited.
        if (!write.isUnderWay) await ERROR_RECORD.within(recorded, () => Promise.resolve());
      }
      throw error;
    }
  }

  /**
   * The last step before a token is released. Resolves when its record is durable.
   *
   * @throws TesseraError temporarily_unavailable if it cannot be written, or the request was answered already. The token must then not be released
   */
  recordIssued(work: AuditedWork): Promise<void> {
    work.refuseIfOver();
    return this.#trail.append((work.success = this.recordOf(work, 'issued', undefined)));
  }

  async #appendError(work: AuditedWork, record: AuditRecord): Promise<void> {
    const { unknownSubject } = work;
    const subjectDigest = unknownSubject && (await this.#digests.of(unknownSubject.tenantId, unknownSubject.email));
    await this.#trail.append(subjectDigest === undefined ? record : { ...record, subjectDigest });
  }

  /** Makes the record from the facts so far. All records are made here. */
  recordOf(work: AuditedWork, outcome: AuditOutcome, reason: string | undefined): AuditRecord {
    const { requestId, route, source } = work.request;
    const { tenantId, projectId, clientId, subjectId, tokenId, keyId, secretId, grant } = work.facts();
    const at = this.#clock.nowMs();
    return {
      at,
      requestId,
      route,
      source,
      outcome,
      reason,
      tenantId,
      projectId,
      clientId,
      subjectId,
      tokenId,
      keyId,
      secretId,
      grant,
    };
  }

  #outcomeOfWrite<T>(work: AuditedWork, steps: Promise<T>): Promise<T> {
    return WRITE.within(steps, () => {
      if (work.success !== undefined) this.#trail.markUnreleased(work.success);
      return Promise.reject(notInTime());
    });
  }
}

function isKept({ limit }: AuditedWork, code: ErrorCode): boolean {
  if (code === 'temporarily_unavailable' && limit !== undefined) return limit.countUnanswered();
  return KEPT[code];
}

function notInTime(): TesseraError {
  return unavailable('token', 'not made in time');
}
