/**
 * The indices of `audit_records`: one for each filter of `tessera audit`. Every one but the last ends with the time, so that the newest records of a
 * filter are read without sorting.
 */
export const AUDIT_INDICES = Object.freeze({
  at: { name: 'audit_records_at', columns: ['at_ms'] },
  tenant: { name: 'audit_records_tenant', columns: ['tenant_id', 'at_ms'] },
  subject: { name: 'audit_records_subject', columns: ['tenant_id', 'subject_id', 'at_ms'] },
  digest: { name: 'audit_records_digest', columns: ['tenant_id', 'subject_digest', 'at_ms'] },
  client: { name: 'audit_records_client', columns: ['tenant_id', 'project_id', 'client_id', 'at_ms'] },
  outcome: { name: 'audit_records_outcome', columns: ['tenant_id', 'outcome', 'at_ms'] },
  token: { name: 'audit_records_token', columns: ['tenant_id', 'token_id'] },
  request: { name: 'audit_records_request', columns: ['request_id'] },
} as const);

export type AuditIndex = keyof typeof AUDIT_INDICES;

/**
 * SQLite only: the rows that are in no other index yet. A token's row is written with `unindexed` = 1 and enters the other indices in a quiet moment,
 * because seven indices would double the cost of the write. Rows that are written without this column are indexed at once.
 */
export const UNINDEXED = 'audit_records_unindexed';
