import { ERROR_TABLE } from '../errors/error-table.ts';
import type { Log } from '../logging/log.ts';
import type { RequestContext } from './request-context.ts';

/**
 * The outcome of a request as one word: an error code, `issued`, `revoked`, `ok`, or `aborted` if the client closed the connection before the
 * response.
 */
export function outcomeOf(context: RequestContext, answered: boolean): string {
  return context.outcome ?? (answered ? 'ok' : 'aborted');
}

/**
 * Writes the access line of a request, from the same data as its audit record. Successful requests for probes, pages and the revocation feed are
 * logged at `debug`: they would be most of the log.
 */
export function writeAccessLine(
  log: Log,
  context: RequestContext,
  outcome: string,
  status: number | undefined,
  ms: number,
): void {
  const { row } = context;
  const ended = context.outcome;
  const level =
    ended !== undefined && ended !== 'issued' && ended !== 'revoked'
      ? ERROR_TABLE[ended].logLevel
      : row?.kind === 'probe' || row?.kind === 'page' || row?.kind === 'feed'
        ? 'debug'
        : 'info';
  log[level]('request', {
    route: context.route,
    outcome,
    status,
    ms: Math.round(ms * 1000) / 1000,
    request_id: context.requestId,
    source: context.source,
    reason: context.reason,
    tenant_id: context.tenantId,
    project_id: context.projectId,
    client_id: context.clientId,
    subject_id: context.subjectId,
    token_id: context.tokenId,
    key_id: context.keyId,
    secret_id: context.secretId,
    fault: context.fault,
  });
}
