import type { AuditRow } from '../../audit/reading/audit-query.ts';
import { readGrantDetails } from '../../audit/grant-details.ts';
import { parseServiceId } from '../../domain/service-id.ts';

/** A record as JSON, with the names of the columns and its time in words. */
export function jsonOf(row: AuditRow): Readonly<Record<string, unknown>> {
  return {
    id: row.id,
    at: new Date(row.atMs).toISOString(),
    outcome: row.outcome,
    reason: row.reason,
    route: row.route,
    tenant_id: row.tenantId,
    project_id: row.projectId,
    client_id: row.clientId,
    subject_id: row.subjectId,
    subject_digest: row.subjectDigest,
    token_id: row.tokenId,
    key_id: row.keyId,
    secret_id: row.secretId,
    request_id: row.requestId,
    source: row.source,
    details: detailsOf(row),
  };
}

export const HEAD = ['TIME', 'OUTCOME', 'CLIENT', 'SUBJECT', 'SOURCE', 'ROUTE', 'WHY'] as const;

/** A record as a row of the table for people. The ids of request, token, key and secret are in the JSON. */
export function cellsOf(row: AuditRow): string[] {
  const client = [row.tenantId, row.projectId, row.clientId].filter((part) => part !== null).join('/');
  const subject = row.subjectId ?? (row.subjectDigest === null ? '-' : 'unknown address');
  return [timeOf(row.atMs), row.outcome, client || '-', subject, row.source, row.route, whyOf(row)];
}

/** The reason of a refusal; what a token of the token endpoint was issued for; the changes of a command. */
function whyOf(row: AuditRow): string {
  return row.reason ?? grantOf(row) ?? changesOf(row);
}

/** `token-exchange for stock-api by shop/api, from token 0b99…`; undefined for records of other endpoints. */
function grantOf({ details }: AuditRow): string | undefined {
  const grant = readGrantDetails(details);
  if (grant === undefined) return undefined;
  const { type, audience, actor, parentTokenId } = grant;
  return [
    type.replace(/^urn:ietf:params:oauth:grant-type:/, ''),
    ...(audience === undefined ? [] : [` for ${audience}`]),
    ...(actor === undefined ? [] : [` by ${clientName(actor)}`]),
    ...(parentTokenId === undefined ? [] : [`, from token ${parentTokenId}`]),
  ].join('');
}

function clientName(actor: string): string {
  const path = parseServiceId(actor);
  return path === undefined ? actor : `${path.projectId}/${path.clientId}`;
}

/** A change by command in words: `update tenant acme (status: suspended → active)`. */
function changesOf(row: AuditRow): string {
  const details = detailsOf(row);
  const changes = isObject(details) && Array.isArray(details['changes']) ? details['changes'] : [];
  return changes.filter(isObject).map(changeOf).join(', ');
}

function changeOf({ action, kind, id, fields }: Readonly<Record<string, unknown>>): string {
  const words = [action, kind, id].map(wordOf).join(' ');
  const changed = Array.isArray(fields) ? fields.filter(isObject).map(fieldOf) : [];
  return changed.length === 0 ? words : `${words} (${changed.join(' · ')})`;
}

function fieldOf({ field, from, to }: Readonly<Record<string, unknown>>): string {
  return from === undefined && to === undefined ? wordOf(field) : `${wordOf(field)}: ${wordOf(from)} → ${wordOf(to)}`;
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : value === null || value === undefined ? '-' : JSON.stringify(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').slice(0, 23);
}

/** Undefined instead of an error: what somebody else wrote into the column must not hide the record. */
function detailsOf({ details }: AuditRow): unknown {
  if (details === null) return null;
  try {
    return JSON.parse(details) as unknown;
  } catch {
    return details;
  }
}
