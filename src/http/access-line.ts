import { ERROR_TABLE } from '../errors/error-table.ts';
import type { Log } from '../logging/log.ts';
import type { RequestContext } from './request-context.ts';

/**
 * The outcome of a request as one word: an error code, `issued`, `revoked`, `ok`, or `aborted` if the client closed the connection before the
 * response.
 */
export function outcomeOf(context: RequestContext, answered: boolean): string {
  return context.outcome ?? context.conclusion?.outcome ?? (answered ? 'ok' : 'aborted');
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
  const conclusion = context.conclusion ?? context.work?.facts();
  const ended = context.outcome ?? conclusion?.outcome;
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
    reason: context.reason ?? conclusion?.reason,
    tenant_id: conclusion?.tenantId,
    project_id: conclusion?.projectId,
    client_id: conclusion?.clientId,
    subject_id: conclusion?.subjectId,
    token_id: conclusion?.tokenId,
    key_id: conclusion?.keyId,
    secret_id: conclusion?.secretId,
    grant: conclusion?.grant?.type,
    audience: conclusion?.grant?.audience,
    actor: conclusion?.grant?.actor,
    parent_token_id: conclusion?.grant?.parentTokenId,
    fault: context.fault,
  });
}
