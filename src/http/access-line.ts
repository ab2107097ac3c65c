import type { Conclusion, GrantFacts } from '../audit/audit-record.ts';
import { ERROR_TABLE } from '../errors/error-table.ts';
import { textMember } from '../logging/flat-json.ts';
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
  if (log.isWritten(level)) log.write(level, 'request', membersOf(context, conclusion, outcome, status, ms));
}

/** Made of few pieces, because a text of many is slow to write. */
function membersOf(
  { route, requestId, source, reason, fault }: RequestContext,
  conclusion: Conclusion | undefined,
  outcome: string,
  status: number | undefined,
  ms: number,
): string {
  const known = conclusion ?? NOTHING_KNOWN;
  const { grant } = known;
  // Paths of the route table, codes, grant types and request ids have no character to escape.
  const line =
    `,"route":"${route}","outcome":"${outcome}"${status === undefined ? '' : `,"status":${status}`},"ms":${Math.round(ms * 1000) / 1000},"request_id":"${requestId}"` +
    textMember(',"source":"', source) +
    textMember(',"reason":"', reason ?? known.reason) +
    textMember(',"tenant_id":"', known.tenantId) +
    textMember(',"project_id":"', known.projectId) +
    textMember(',"client_id":"', known.clientId) +
    textMember(',"subject_id":"', known.subjectId) +
    textMember(',"token_id":"', known.tokenId) +
    textMember(',"key_id":"', known.keyId) +
    textMember(',"secret_id":"', known.secretId);
  return grant === undefined && fault === undefined
    ? line
    : line + grantMembers(grant) + textMember(',"fault":"', fault);
}

const NOTHING_KNOWN: Conclusion = Object.freeze({});

function grantMembers(grant: GrantFacts | undefined): string {
  if (grant === undefined) return '';
  return (
    `,"grant":"${grant.type}"` +
    textMember(',"audience":"', grant.audience) +
    textMember(',"actor":"', grant.actor) +
    textMember(',"parent_token_id":"', grant.parentTokenId)
  );
}
