import { Injectable } from '@nestjs/common';
import { Clock } from '../domain/clock.ts';
import type { ErrorCode } from '../errors/error-table.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { TimeLimit } from '../runtime/time-limit.ts';
import type { AuditedRequest, AuditOutcome, AuditRecord, Conclusion } from './audit-record.ts';
import { AuditTrail } from './audit-trail.ts';

/**
 * Which errors are kept in the store. The others named no well-formed client or came from a source that is being limited: they are in
 * the log line of their request, and a flood of them must not become a flood of rows.
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
  forbidden: true,
  client_not_found: true,
  token_too_large: true,
  temporarily_unavailable: true,
  server_error: true,
});

/**
 * All steps of a request together may take so long. Each dependency has a bound of its own, but a request can meet several slow ones in a row,
 * and "unavailable" is promised within 3 s: the rest of that time is for the record.
 */
const ANSWER = new TimeLimit(2_400);
/**
 * When that time is over while a record is being written, the outcome of the write decides: the token leaves with its record, and an error leaves
 * without one. The write has so long for that, out of the time that is left for the record of the error.
 */
const WRITE = new TimeLimit(350);
/**
 * An error waits so long for its own record. When the audit store is what does not answer, the record would only wait for the same
 * time-out again; it is still written in the background, if it can be.
 */
const ERROR_RECORD = new TimeLimit(400);

/** The steps of one request, as far as its record is concerned. They note here what they have established. */
export abstract class AuditedWork {
  readonly request: AuditedRequest;
  /** The request was answered with an error while a step still runs: the steps must not come to a token. */
  isOver = false;
  /** The record of the success, from when it is made until the request is over. */
  success: AuditRecord | undefined = undefined;

  constructor(request: AuditedRequest) {
    this.request = request;
  }

  /** What is established so far. Read at the end; `reason` is for the log when there is no error and no record. */
  abstract facts(): Conclusion;

  /** @throws TesseraError temporarily_unavailable when the request was answered already */
  refuseIfOver(): void {
    if (this.isOver) throw notInTime();
  }
}

/** Sees that a request ends in time and on record, whether it succeeds or fails. */
@Injectable()
export class Auditor {
  readonly #trail: AuditTrail;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(trail: AuditTrail, clock: Clock, log: Log) {
    this.#trail = trail;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Waits for the steps of a request. An error of any step is recorded with its private reason before it is passed on.
   *
   * The error stays the same when its record cannot be written: a store that is down must not turn a 401 into something else.
   */
  async run<T>(work: AuditedWork, steps: Promise<T>): Promise<T> {
    const write = { isUnderWay: false };
    try {
      const answer = await ANSWER.within(steps, () => {
        // From here on the steps cannot come to a record, unless it is being written: then the outcome of the write is the answer.
        work.isOver = true;
        write.isUnderWay = work.success !== undefined && this.#trail.withdraw(work.success);
        return write.isUnderWay ? this.#outcomeOfWrite(work, steps) : Promise.reject(notInTime());
      });
      work.request.conclusion = work.success ?? work.facts();
      return answer;
    } catch (error) {
      const isKnown = error instanceof TesseraError;
      const code = isKnown ? error.code : 'server_error';
      const record = this.recordOf(work, code, isKnown ? error.reason : 'unexpected error');
      work.request.conclusion = record;
      if (KEPT[code] && (!isKnown || error.isRecorded)) {
        const recorded = this.#trail.append(record).catch(() => {
          this.#log.warn('audit_record_not_written', { request_id: record.requestId });
        });
        // The time that the write of a success took is not there twice.
        if (!write.isUnderWay) await ERROR_RECORD.within(recorded, () => Promise.resolve());
      }
      throw error;
    }
  }

  /**
   * The last step before a token leaves: resolves when the record that says so is durable.
   *
   * @throws TesseraError temporarily_unavailable when it cannot be written, or the request was answered already. The token must not leave then
   */
  recordIssued(work: AuditedWork): Promise<void> {
    work.refuseIfOver();
    return this.#trail.append((work.success = this.recordOf(work, 'issued', undefined)));
  }

  /** The one place where a record is made, of what is established by now. */
  recordOf(work: AuditedWork, outcome: AuditOutcome, reason: string | undefined): AuditRecord {
    const { requestId, route, source } = work.request;
    const { tenantId, projectId, clientId, subjectId, tokenId, keyId, secretId } = work.facts();
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
    };
  }

  #outcomeOfWrite<T>(work: AuditedWork, steps: Promise<T>): Promise<T> {
    return WRITE.within(steps, () => {
      if (work.success !== undefined) this.#trail.disown(work.success);
      return Promise.reject(notInTime());
    });
  }
}

function notInTime(): TesseraError {
  return unavailable('token', 'not made in time');
}
