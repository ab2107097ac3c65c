import { ERROR_TABLE } from '../errors/error-table.ts';
import type { Log } from '../logging/log.ts';
import type { RequestContext } from './request-context.ts';

/** How a request ended, in one word: an error code, `issued`, `revoked`, `ok`, or `aborted` when the client left before the answer did. */
export function outcomeOf(context: RequestContext, answered: boolean): string {
  return context.outcome ?? (answered ? 'ok' : 'aborted');
}

/**
 * The one line of a request, from the same data as its audit record. Probes, pages and followers of a feed that were answered are for `debug`: they would be
 * most of the log.
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
