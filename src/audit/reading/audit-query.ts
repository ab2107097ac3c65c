import type { EntityManager } from 'typeorm';
import { AUDIT_INDICES, type AuditIndex, UNINDEXED } from '../../control-plane/audit-indices.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import type { AuditRecordEntity } from '../../control-plane/entities/audit-record.entity.ts';
import type { Database, SqlValue } from '../../database/database.ts';

/** What to look for; all given members must apply. Their values have been checked by the caller. */
export interface AuditFilter {
  readonly sinceMs?: number | undefined;
  /** Exclusive. */
  readonly untilMs?: number | undefined;
  readonly tenantId?: string | undefined;
  /** Names of one person, any of which may apply. Empty: nobody. */
  readonly subjects?: readonly SubjectName[] | undefined;
  readonly client?: { readonly projectId: string; readonly clientId: string } | undefined;
  readonly tokenId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly outcome?: string | undefined;
  /** The newest of this number. */
  readonly limit: number;
}

export interface SubjectName {
  /** Undefined: in any tenant. */
  readonly tenantId: string | undefined;
  readonly column: 'subject_id' | 'subject_digest';
  readonly value: string;
}

export type AuditRow = Readonly<AuditRecordEntity>;

interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** One way into the table: an index and the values of its first columns. */
interface Path {
  readonly index: AuditIndex;
  readonly key: Condition;
}

type Kind = Database['kind'];

const COLUMNS =
  'id, at_ms, request_id, route, source, outcome, reason, tenant_id, project_id, client_id, subject_id, subject_digest, token_id, key_id, secret_id, details';
const NEWEST_FIRST = 'ORDER BY at_ms DESC, id DESC LIMIT';
/** For rows without an index, which are read backwards until there are enough. Their times have this order but for milliseconds. */
const LAST_WRITTEN = 'ORDER BY id DESC LIMIT';
/** Below SQLite's limit of 500 parts, and a statement of moderate size for a server. */
const PATHS_PER_STATEMENT = 50;

/**
 * The newest records that a filter admits, oldest first.
 *
 * The index is named in each statement. A planner without statistics takes the wrong one, and one with old statistics may.
 */
export async function findAuditRecords(controlPlane: ControlPlane, filter: AuditFilter): Promise<AuditRow[]> {
  const { kind } = await controlPlane.database();
  // One snapshot: SQLite's rows may enter the indices between two statements.
  const rows = await controlPlane.snapshot(async (manager) => {
    const conditions = conditionsOf(filter);
    const found: Record<string, unknown>[] = [];
    const paths = await pathsFor(manager, kind, filter);
    for (let start = 0; start < paths.length; start += PATHS_PER_STATEMENT)
      found.push(
        ...(await readPaths(manager, kind, paths.slice(start, start + PATHS_PER_STATEMENT), conditions, filter)),
      );
    if (kind === 'sqlite') found.push(...(await readUnindexed(manager, conditions, filter)));
    return found.map(rowOf);
  });
  return rows.sort((one, other) => one.atMs - other.atMs || one.id - other.id).slice(-filter.limit);
}

/** Every member of the filter, also the ones that the path selects by: SQLite's rows without an index have no path. */
function conditionsOf(filter: AuditFilter): Condition[] {
  const conditions: Condition[] = [];
  const add = (sql: string, ...values: SqlValue[]) => conditions.push({ sql, values });
  if (filter.sinceMs !== undefined) add('at_ms >= ?', filter.sinceMs);
  if (filter.untilMs !== undefined) add('at_ms < ?', filter.untilMs);
  if (filter.tenantId !== undefined) add('tenant_id = ?', filter.tenantId);
  if (filter.subjects !== undefined) conditions.push(anyOf(filter.subjects.map(subjectCondition)));
  if (filter.client !== undefined)
    add('project_id = ? AND client_id = ?', filter.client.projectId, filter.client.clientId);
  if (filter.tokenId !== undefined) add('token_id = ?', filter.tokenId);
  if (filter.requestId !== undefined) add('request_id = ?', filter.requestId);
  if (filter.outcome !== undefined) add('outcome = ?', filter.outcome);
  return conditions;
}

function subjectCondition({ tenantId, column, value }: SubjectName): Condition {
  return tenantId === undefined
    ? { sql: `${column} = ?`, values: [value] }
    : { sql: `tenant_id = ? AND ${column} = ?`, values: [tenantId, value] };
}

function anyOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 0) return { sql: '1 = 0', values: [] };
  return {
    sql: `(${conditions.map(({ sql }) => `(${sql})`).join(' OR ')})`,
    values: conditions.flatMap(({ values }) => values),
  };
}

/** The narrowest index for the filter. All but two begin with the tenant: without one, each tenant of the audit is a path. */
async function pathsFor(manager: EntityManager, kind: Kind, filter: AuditFilter): Promise<Path[]> {
  const { requestId, tokenId, subjects, client, outcome, tenantId } = filter;
  if (requestId !== undefined) return [{ index: 'request', key: { sql: 'request_id = ?', values: [requestId] } }];
  const inTenants = async (index: AuditIndex, key: Condition, tenant = tenantId): Promise<Path[]> =>
    (tenant === undefined ? await tenantsOf(manager, kind) : [tenant]).map((id) =>
      id === null
        ? { index, key: { sql: `tenant_id IS NULL AND ${key.sql}`, values: key.values } }
        : { index, key: { sql: `tenant_id = ? AND ${key.sql}`, values: [id, ...key.values] } },
    );
  if (tokenId !== undefined) return inTenants('token', { sql: 'token_id = ?', values: [tokenId] });
  if (subjects !== undefined) {
    const paths = subjects.map(({ tenantId: own, column, value }) =>
      inTenants(
        column === 'subject_id' ? 'subject' : 'digest',
        { sql: `${column} = ?`, values: [value] },
        own ?? tenantId,
      ),
    );
    return (await Promise.all(paths)).flat();
  }
  if (client !== undefined) {
    const { projectId, clientId } = client;
    return inTenants('client', { sql: 'project_id = ? AND client_id = ?', values: [projectId, clientId] });
  }
  if (outcome !== undefined) return inTenants('outcome', { sql: 'outcome = ?', values: [outcome] });
  if (tenantId !== undefined) return [{ index: 'tenant', key: { sql: 'tenant_id = ?', values: [tenantId] } }];
  return [{ index: 'at', key: { sql: '1 = 1', values: [] } }];
}

/** The tenants that indexed records name, and null for records that name none. One step in the index for each. */
async function tenantsOf(manager: EntityManager, kind: Kind): Promise<(string | null)[]> {
  const { name } = AUDIT_INDICES.tenant;
  const statement =
    kind === 'mysql'
      ? `SELECT DISTINCT tenant_id AS id FROM audit_records FORCE INDEX (${name}) WHERE tenant_id IS NOT NULL`
      : `WITH RECURSIVE tenants(id) AS (
           SELECT MIN(tenant_id) FROM audit_records INDEXED BY ${name} WHERE unindexed IS NULL AND tenant_id > ''
           UNION ALL
           SELECT (SELECT MIN(tenant_id) FROM audit_records INDEXED BY ${name}
                   WHERE unindexed IS NULL AND tenant_id > tenants.id)
           FROM tenants WHERE id IS NOT NULL)
         SELECT id FROM tenants WHERE id IS NOT NULL`;
  const rows: { readonly id: string }[] = await manager.query(statement);
  return [...rows.map(({ id }) => id), null];
}

async function readPaths(
  manager: EntityManager,
  kind: Kind,
  paths: readonly Path[],
  conditions: readonly Condition[],
  { limit }: AuditFilter,
): Promise<Record<string, unknown>[]> {
  const parts = paths.map(({ index, key }) => {
    const { name } = AUDIT_INDICES[index];
    const table = kind === 'mysql' ? `audit_records FORCE INDEX (${name})` : `audit_records INDEXED BY ${name}`;
    const indexed: Condition[] = kind === 'mysql' ? [] : [{ sql: 'unindexed IS NULL', values: [] }];
    return { table, condition: allOf([...indexed, key, ...conditions]) };
  });
  return readNewest(manager, parts, limit);
}

function readUnindexed(
  manager: EntityManager,
  conditions: readonly Condition[],
  { limit }: AuditFilter,
): Promise<Record<string, unknown>[]> {
  const condition = allOf([{ sql: 'unindexed = 1', values: [] }, ...conditions]);
  return readNewest(manager, [{ table: `audit_records INDEXED BY ${UNINDEXED}`, condition }], limit, LAST_WRITTEN);
}

interface Part {
  readonly table: string;
  readonly condition: Condition;
}

/** The ids of all parts first: usually the indices have them. Whole rows are read, and sorted, only for the newest of all. */
function readNewest(
  manager: EntityManager,
  parts: readonly Part[],
  limit: number,
  order = NEWEST_FIRST,
): Promise<Record<string, unknown>[]> {
  const selects = parts.map(
    ({ table, condition }, number) =>
      `SELECT * FROM (SELECT id, at_ms FROM ${table} WHERE ${condition.sql} ${order} ?) AS part${number}`,
  );
  return manager.query(
    `SELECT ${COLUMNS} FROM (SELECT id FROM (${selects.join(' UNION ALL ')}) AS found ${NEWEST_FIRST} ?) AS newest
       JOIN audit_records USING (id)`,
    [...parts.flatMap(({ condition }) => [...condition.values, limit]), limit],
  );
}

function allOf(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  };
}

function rowOf(row: Record<string, unknown>): AuditRow {
  const text = (name: string): string => row[name] as string;
  const orNull = (name: string): string | null => (row[name] === null ? null : text(name));
  return {
    id: Number(row['id']),
    atMs: Number(row['at_ms']),
    requestId: text('request_id'),
    route: text('route'),
    source: text('source'),
    outcome: text('outcome'),
    reason: orNull('reason'),
    tenantId: orNull('tenant_id'),
    projectId: orNull('project_id'),
    clientId: orNull('client_id'),
    subjectId: orNull('subject_id'),
    subjectDigest: orNull('subject_digest'),
    tokenId: orNull('token_id'),
    keyId: orNull('key_id'),
    secretId: orNull('secret_id'),
    details: orNull('details'),
  };
}
