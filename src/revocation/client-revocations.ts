import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AuditRecord } from '../audit/audit-record.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { epochSeconds } from '../domain/clock.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import { insertAuditRecord } from '../audit/control-plane-audit.store.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import {
  RevocationEntity,
  RevocationQuotaEntity,
  RevocationSequenceEntity,
} from '../control-plane/entities/revocation.entity.ts';
import { insertRevocations, type NewRevocation, type RevocationRecord } from './revocation-records.ts';

/** The revocation of a token by its own client. */
export interface ClientRevocation {
  readonly revocation: NewRevocation;
  /**
   * Revoke the tokens that it was exchanged for. They may be tokens of other clients, so these entries are never merged. Only the rates bound their
   * number: 432,000 a day for a tenant, some 35 MB in each server.
   */
  readonly ofChain: readonly NewRevocation[];
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
  /** When the token was issued, epoch seconds. */
  readonly issuedAt: number;
  /** Builds the revocation of all tokens of the client issued until then; undefined if it would hit tokens of another client as well. */
  readonly ofAllUntil: ((before: number) => NewRevocation) | undefined;
}

/** The entry of the token, or the one that replaces it together with others. */
interface AddedRevocation extends RevocationRecord {
  /** The number of the last entry, those of the chain included. */
  readonly lastSeq: number;
}

interface Rate {
  /** How many are allowed at once. */
  readonly burst: number;
  /** One more is allowed after each interval. */
  readonly intervalMs: number;
}

/**
 * Enough for some minutes of sign-outs in a large application. The burst is below CLIENT_ENTRIES, so that a client that only adds entries is stopped
 * first.
 */
const CLIENT_RATE: Rate = { burst: 400, intervalMs: 2_000 };
/** As much as ten busy clients need. */
const TENANT_RATE: Rate = { burst: 4_000, intervalMs: 200 };

/** When a client or a tenant has this many entries, the client's next revocation replaces all entries of the client. */
const CLIENT_ENTRIES = 500;
const TENANT_ENTRIES = 5_000;

/** Time after which some entries of a client whose entries cannot be merged have expired: tokens live for minutes. */
const FULL_RETRY_SECONDS = 60;
/** How many refusals are remembered. Each is useful for seconds. */
const MAX_REFUSALS = 10_000;

// Expired entries stay for a day and do not count.
const COUNT = `SELECT SUM(CASE WHEN until_seconds >= ? THEN 1 ELSE 0 END) AS entries, MAX(issued_seconds) AS issued
  FROM revocations WHERE tenant_id = ? AND project_id = ? AND client_id = ?`;
const COUNT_OF_TENANT = `SELECT COUNT(*) AS entries FROM revocations
  WHERE tenant_id = ? AND client_id IS NOT NULL AND until_seconds >= ?`;
const FOLD = 'DELETE FROM revocations WHERE tenant_id = ? AND project_id = ? AND client_id = ? AND seq < ?';

/**
 * Revocations by clients, with a quota per client and per tenant. The quota is counted in the control database, so that it applies to all replicas
 * together.
 *
 * The number of a client's entries is limited too: at the limit, its next revocation revokes all of its tokens issued until the latest of those
 * entries, and replaces them.
 */
@Injectable()
export class ClientRevocations {
  readonly #controlPlane: ControlPlane;
  /** Refused clients, with the end of the refusal by the wall clock, so that their repeated requests do not take the database lock. */
  readonly #refusedUntilMs = new Map<string, number>();

  constructor(controlPlane: ControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /**
   * Writes the revocation and the audit record in one transaction.
   *
   * @throws TesseraError too_many_requests
   */
  async add(wanted: ClientRevocation, record: AuditRecord, nowMs: number): Promise<AddedRevocation> {
    const name = `${wanted.revocation.tenantId}/${wanted.projectId}/${wanted.clientId}`;
    const refusedUntilMs = this.#refusedUntilMs.get(name) ?? 0;
    // After the clock was set back, a refusal must not last longer than the quota's own.
    if (refusedUntilMs > nowMs && refusedUntilMs - nowMs <= FULL_RETRY_SECONDS * 1000)
      throw tooMany(refusedUntilMs - nowMs);
    const added = await this.#controlPlane.transaction(async (manager) => {
      // Takes a row lock before anything is read, so that writers follow one another and each sees what the others committed.
      await manager.increment(RevocationSequenceEntity, { id: 1 }, 'value', 0);
      const waitMs = await roomIn(manager, wanted, nowMs);
      // Returned, not thrown: a failed transaction costs its connection.
      if (waitMs > 0) return { waitMs };
      const result = await insert(manager, wanted, nowMs);
      await insertAuditRecord(manager, record);
      return result;
    });
    if ('seq' in added) return added;
    if (this.#refusedUntilMs.size >= MAX_REFUSALS) this.#refusedUntilMs.clear();
    this.#refusedUntilMs.set(name, nowMs + added.waitMs);
    throw tooMany(added.waitMs);
  }
}

/**
 * Counts one more revocation against the quotas.
 *
 * @returns 0, or the milliseconds until it is allowed; then nothing was counted
 */
async function roomIn(manager: EntityManager, wanted: ClientRevocation, nowMs: number): Promise<number> {
  const { projectId, clientId, ofAllUntil } = wanted;
  const { tenantId } = wanted.revocation;
  const client = { tenantId, projectId, clientId };
  const tenant = { tenantId, projectId: '', clientId: '' };
  const [ofClient, ofTenant] = [
    await used(manager, client, CLIENT_RATE, nowMs),
    await used(manager, tenant, TENANT_RATE, nowMs),
  ];
  const waitMs = Math.max(ofClient.waitMs, ofTenant.waitMs);
  if (waitMs === 0 && ofAllUntil === undefined) {
    const { entries } = await countOf(manager, wanted, nowMs);
    if (entries >= CLIENT_ENTRIES) return FULL_RETRY_SECONDS * 1000;
  }
  for (const { key, usedUntilMs, isAhead } of [ofClient, ofTenant])
    if (waitMs === 0 || isAhead)
      await manager.upsert(RevocationQuotaEntity, { ...key, usedUntilMs }, ['tenantId', 'projectId', 'clientId']);
  return waitMs;
}

interface Usage {
  readonly key: QuotaKey;
  /** The value to store: including this revocation, or without it if it must wait. */
  readonly usedUntilMs: number;
  readonly waitMs: number;
  /** The stored value exceeds a full burst, because a clock ran ahead. It would block everyone until then. */
  readonly isAhead: boolean;
}

type QuotaKey = Readonly<Record<'tenantId' | 'projectId' | 'clientId', string>>;

/** The generic cell rate algorithm: one point in time represents how much of the burst is used. */
async function used(manager: EntityManager, key: QuotaKey, { burst, intervalMs }: Rate, nowMs: number): Promise<Usage> {
  const row = await manager.findOneBy(RevocationQuotaEntity, { ...key });
  const written = Math.max(row?.usedUntilMs ?? 0, nowMs);
  const fullUntilMs = nowMs + burst * intervalMs;
  const before = Math.min(written, fullUntilMs);
  const waitMs = Math.max(before + intervalMs - fullUntilMs, 0);
  return { key, usedUntilMs: waitMs === 0 ? before + intervalMs : before, waitMs, isAhead: written > fullUntilMs };
}

/** Inserts the entry, merging the client's entries if there are many. The merged entry is added in the same transaction that removes the others. */
async function insert(manager: EntityManager, wanted: ClientRevocation, nowMs: number): Promise<AddedRevocation> {
  const { revocation, ofChain, projectId, clientId, ofAllUntil } = wanted;
  const { tenantId } = revocation;
  const { entries, issued } = await countOf(manager, wanted, nowMs);
  const isFolded =
    ofAllUntil !== undefined &&
    entries > 0 &&
    (entries >= CLIENT_ENTRIES || (await countOfTenant(manager, tenantId, nowMs)) >= TENANT_ENTRIES);
  const issuedAt = Math.max(wanted.issuedAt, isFolded ? issued : 0);
  const [record, ...others] = await insertRevocations(manager, [
    isFolded ? ofAllUntil(issuedAt) : revocation,
    ...ofChain,
  ]);
  if (record === undefined) throw new Error('the record was not returned');
  const replaces = isFolded ? entries : undefined;
  await manager.update(
    RevocationEntity,
    { seq: record.seq },
    { projectId, clientId, issuedSeconds: issuedAt, replaces: replaces ?? null },
  );
  if (isFolded) await manager.query(FOLD, [tenantId, projectId, clientId, record.seq]);
  return { ...record, client: `${projectId}/${clientId}`, replaces, lastSeq: others.at(-1)?.seq ?? record.seq };
}

async function countOf(
  manager: EntityManager,
  { revocation, projectId, clientId }: ClientRevocation,
  nowMs: number,
): Promise<{ readonly entries: number; readonly issued: number }> {
  const [row] = await manager.query<CountRow[]>(COUNT, [epochSeconds(nowMs), revocation.tenantId, projectId, clientId]);
  return { entries: Number(row?.entries ?? 0), issued: Number(row?.issued ?? 0) };
}

async function countOfTenant(manager: EntityManager, tenantId: TenantId, nowMs: number): Promise<number> {
  const [row] = await manager.query<CountRow[]>(COUNT_OF_TENANT, [tenantId, epochSeconds(nowMs)]);
  return Number(row?.entries ?? 0);
}

interface CountRow {
  readonly entries: unknown;
  readonly issued?: unknown;
}

function tooMany(waitMs: number): TesseraError {
  return new TesseraError('too_many_requests', 'too many revocations', {
    detail: 'The client or its tenant revoked too many tokens. Try again later.',
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  });
}
