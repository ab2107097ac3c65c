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

/** A client that revokes one of its tokens. */
export interface ClientRevocation {
  readonly revocation: NewRevocation;
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
  /** When the token was issued, epoch seconds. */
  readonly issuedAt: number;
  /** What ends all tokens of the client that were issued until then; undefined when that would end those of another client as well. */
  readonly ofAllUntil: ((before: number) => NewRevocation) | undefined;
}

interface Rate {
  /** So many at once. */
  readonly burst: number;
  /** One more after each such time. */
  readonly intervalMs: number;
}

/** Some minutes of sign-outs of a large application. Fewer at once than entries are kept, so that whoever only makes entries is stopped first. */
const CLIENT_RATE: Rate = { burst: 400, intervalMs: 2_000 };
/** Ten busy clients. */
const TENANT_RATE: Rate = { burst: 4_000, intervalMs: 200 };

/** With that many entries of a client or a tenant, the client's next one stands for all that it has. */
const CLIENT_ENTRIES = 500;
const TENANT_ENTRIES = 5_000;

/** Until some entries of a client that cannot be folded are over; tokens live for minutes. */
const FULL_RETRY_SECONDS = 60;
/** Refusals that are remembered; one is of use for seconds. */
const MAX_REFUSALS = 10_000;

// What is of no use any more stays for a day and does not count.
const COUNT = `SELECT SUM(CASE WHEN until_seconds >= ? THEN 1 ELSE 0 END) AS entries, MAX(issued_seconds) AS issued
  FROM revocations WHERE tenant_id = ? AND project_id = ? AND client_id = ?`;
const COUNT_OF_TENANT = `SELECT COUNT(*) AS entries FROM revocations
  WHERE tenant_id = ? AND client_id IS NOT NULL AND until_seconds >= ?`;
const FOLD = 'DELETE FROM revocations WHERE tenant_id = ? AND project_id = ? AND client_id = ? AND seq < ?';

/**
 * Revocations by clients, within a quota for each client and each tenant. It is counted in the control database, so that it holds over all replicas.
 *
 * A client's entries are bounded besides: its next one ends all of its tokens that were issued until the last of those, and stands for them all.
 */
@Injectable()
export class ClientRevocations {
  readonly #controlPlane: ControlPlane;
  /** Who was refused, until when by the wall clock: who asks on must not keep others waiting for the lock. */
  readonly #refusedUntilMs = new Map<string, number>();

  constructor(controlPlane: ControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /**
   * One transaction with the audit record: neither is there without the other.
   *
   * @throws TesseraError too_many_requests
   */
  async add(wanted: ClientRevocation, record: AuditRecord, nowMs: number): Promise<RevocationRecord> {
    const name = `${wanted.revocation.tenantId}/${wanted.projectId}/${wanted.clientId}`;
    const refusedUntilMs = this.#refusedUntilMs.get(name) ?? 0;
    // A clock that was put back must not refuse for longer than the quota does.
    if (refusedUntilMs > nowMs && refusedUntilMs - nowMs <= FULL_RETRY_SECONDS * 1000)
      throw tooMany(refusedUntilMs - nowMs);
    const added = await this.#controlPlane.transaction(async (manager) => {
      // Puts writers in line before anything is read: what is read is what all before it committed.
      await manager.increment(RevocationSequenceEntity, { id: 1 }, 'value', 0);
      const waitMs = await roomIn(manager, wanted, nowMs);
      // Returned, not thrown: a transaction that fails costs its connection.
      if (waitMs > 0) return waitMs;
      const result = await insert(manager, wanted, nowMs);
      await insertAuditRecord(manager, record);
      return result;
    });
    if (typeof added === 'object') return added;
    if (this.#refusedUntilMs.size >= MAX_REFUSALS) this.#refusedUntilMs.clear();
    this.#refusedUntilMs.set(name, nowMs + added);
    throw tooMany(added);
  }
}

/**
 * Counts one more revocation.
 *
 * @returns 0, or the milliseconds until there is room for it: then nothing was counted
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
  /** To be written: with this revocation, or without it when it has to wait. */
  readonly usedUntilMs: number;
  readonly waitMs: number;
  /** A clock that ran ahead wrote more than a full burst, and would keep everybody waiting until then. */
  readonly isAhead: boolean;
}

type QuotaKey = Readonly<Record<'tenantId' | 'projectId' | 'clientId', string>>;

/** The generic cell rate algorithm: one instant says how much of the burst is used. */
async function used(manager: EntityManager, key: QuotaKey, { burst, intervalMs }: Rate, nowMs: number): Promise<Usage> {
  const row = await manager.findOneBy(RevocationQuotaEntity, { ...key });
  const written = Math.max(row?.usedUntilMs ?? 0, nowMs);
  const fullUntilMs = nowMs + burst * intervalMs;
  const before = Math.min(written, fullUntilMs);
  const waitMs = Math.max(before + intervalMs - fullUntilMs, 0);
  return { key, usedUntilMs: waitMs === 0 ? before + intervalMs : before, waitMs, isAhead: written > fullUntilMs };
}

/** Folds where there are many. The entry that stands for others comes in the same transaction that takes them away. */
async function insert(manager: EntityManager, wanted: ClientRevocation, nowMs: number): Promise<RevocationRecord> {
  const { revocation, projectId, clientId, ofAllUntil } = wanted;
  const { tenantId } = revocation;
  const { entries, issued } = await countOf(manager, wanted, nowMs);
  const isFolded =
    ofAllUntil !== undefined &&
    entries > 0 &&
    (entries >= CLIENT_ENTRIES || (await countOfTenant(manager, tenantId, nowMs)) >= TENANT_ENTRIES);
  const issuedAt = Math.max(wanted.issuedAt, isFolded ? issued : 0);
  const [record] = await insertRevocations(manager, [isFolded ? ofAllUntil(issuedAt) : revocation]);
  if (record === undefined) throw new Error('the record was not returned');
  const replaces = isFolded ? entries : undefined;
  await manager.update(
    RevocationEntity,
    { seq: record.seq },
    { projectId, clientId, issuedSeconds: issuedAt, replaces: replaces ?? null },
  );
  if (isFolded) await manager.query(FOLD, [tenantId, projectId, clientId, record.seq]);
  return { ...record, client: `${projectId}/${clientId}`, replaces };
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
