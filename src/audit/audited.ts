import type { ErrorCode } from '../errors/error-table.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { Log } from '../logging/log.ts';
import type { AuditRecord, AuditTrace } from './audit-record.ts';
import type { AuditTrail } from './audit-trail.ts';
import { TimeLimit } from './time-limit.ts';

/**
 * Which refusals are kept in the store. The others named no well-formed client or came from a source that is being limited: they stand in
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
 * The whole way to a token may take so long. Each dependency has a bound of its own, but a request can meet several slow ones in a row, and
 * "unavailable" is promised within 3 s: what is left of them is for the record below.
 */
const ANSWER = new TimeLimit(2_400);
/**
 * A record that is being written when that time is over decides: the token leaves with it, and a refusal leaves without it. It has so long for
 * that, out of what is left for the record of the refusal.
 */
const VERDICT = new TimeLimit(350);
/**
 * So long a refusal waits for its own record. When it is the audit store that does not answer, the record would only wait for the same
 * time-out again; it is still written behind, if it can be.
 */
const RECORD = new TimeLimit(400);

/**
 * Runs the whole way to a token, so that a refusal at any hop is recorded with its private reason. A success is recorded by `release`, before the
 * token leaves.
 *
 * A refusal stays the same refusal when the record cannot be written: a store that is down must not turn a 401 into something else.
 */
export async function audited<T>(
  trail: AuditTrail,
  log: Log,
  nowMs: () => number,
  trace: AuditTrace,
  work: () => Promise<T>,
): Promise<T> {
  const verdict = { isAwaited: false };
  try {
    const working = work();
    return await ANSWER.within(working, () => {
      // From here on the work cannot come to a record, unless that is being written: then what becomes of it is the answer.
      trace.isOver = true;
      verdict.isAwaited = trail.withdraw(trace);
      return verdict.isAwaited ? verdictOn(trail, trace, working) : notMadeInTime();
    });
  } catch (error) {
    const code = error instanceof TesseraError ? error.code : 'server_error';
    trace.outcome = code;
    trace.reason = error instanceof TesseraError ? error.reason : 'unexpected error';
    if (KEPT[code] && !(error instanceof TesseraError && !error.isRecorded)) {
      const record: AuditRecord = { ...trace, at: nowMs(), outcome: code };
      const recorded = trail.append(record).catch(() => {
        log.warn('audit_record_not_written', { request_id: trace.requestId });
      });
      // Time that a verdict took is not there twice.
      if (!verdict.isAwaited) await RECORD.within(recorded, () => Promise.resolve());
      // Work that came too late goes on, and may have had its say meanwhile.
      trace.outcome = code;
    }
    throw error;
  }
}

function verdictOn<T>(trail: AuditTrail, trace: AuditTrace, working: Promise<T>): Promise<T> {
  return VERDICT.within(working, () => {
    trail.disown(trace);
    return notMadeInTime();
  });
}

function notMadeInTime(): Promise<never> {
  return Promise.reject(unavailable('token', 'not made in time'));
}
