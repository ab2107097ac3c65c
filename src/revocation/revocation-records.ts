import { Injectable } from '@nestjs/common';
import type { RevocationKind } from '@tessera/token/core';
import type { EntityManager } from 'typeorm';
import type { AuditRecord } from '../audit/audit-record.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { TenantId } from '../domain/ids.ts';
import { CONTROL_DATABASE } from '../control-plane/control-database.ts';
import { insertAuditRecord } from '../audit/control-plane-audit.store.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { Database, Row } from '../database/database.ts';
import { limitedDelete } from '../database/limited-delete.ts';
import { inSteps } from '../runtime/in-steps.ts';
import { RevocationEntity, RevocationSequenceEntity } from '../control-plane/entities/revocation.entity.ts';

/** A revocation to be added, within one tenant. */
export interface NewRevocation {
  readonly tenantId: TenantId;
  readonly kind: RevocationKind;
  /** jti, sub, client_id, kid, or `*` for the tenant. */
  readonly id: string;
  /** Revokes tokens issued up to this time, epoch seconds; undefined: all. */
  readonly before: number | undefined;
  /** May be dropped after this time, epoch seconds: every token that it revokes has expired by then. */
  readonly until: number;
}

export interface RevocationRecord extends NewRevocation {
  readonly seq: number;
  /** The client that revoked, as `project/client`; absent: an operator. */
  readonly client?: string | undefined;
  /** How many earlier entries of the client this one replaces; absent: none. */
  readonly replaces?: number | undefined;
}

/** Read and added to the list, 2 ms of work on SQLite. Not a placeholder, because MySQL does not accept a number parameter there. */
export const READ_AT_ONCE = 500;

const SEQUENCE = 'SELECT value FROM revocation_sequence WHERE id = 1';
const NEWER = `SELECT seq, tenant_id, kind, revoked_id, before_seconds, until_seconds, project_id, client_id, replaces
  FROM revocations WHERE seq > ? ORDER BY seq LIMIT ${READ_AT_ONCE}`;
const OLDEST = 'SELECT MIN(until_seconds) AS until_seconds FROM revocations';
/** A change of a tenant revokes many tokens, and they all end in the same second. */
const ROWS_PER_DELETE = 100;
const DELETE = (kind: Database['kind']): string =>
  limitedDelete(kind, 'revocations', 'until_seconds < ?', 'until_seconds', ROWS_PER_DELETE);

/**
 * Revocations in the control database. Their numbers have no gaps and are assigned in the order of commits, across all processes. A reader that has
 * read up to a number has missed nothing below it.
 */
@Injectable()
export class RevocationRecords {
  readonly #controlPlane: ControlPlane;

  constructor(controlPlane: ControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /**
   * Adds all of them or none, in one transaction. Durable when it resolves.
   *
   * @param record the audit record of the request, written in the same transaction
   */
  add(revocations: readonly NewRevocation[], record?: AuditRecord): Promise<RevocationRecord[]> {
    return this.#controlPlane.transaction(async (manager) => {
      const added = await insertRevocations(manager, revocations);
      if (record !== undefined) await insertAuditRecord(manager, record);
      return added;
    });
  }

  /** The last committed number; 0 if there is none. */
  async sequence(): Promise<number> {
    const [row] = await this.#controlPlane.query(SEQUENCE);
    if (row === undefined) throw unavailable(CONTROL_DATABASE, 'the sequence of revocations is missing');
    return Number(row['value']);
  }

  /** In order, at most `READ_AT_ONCE`. */
  async newerThan(seq: number): Promise<RevocationRecord[]> {
    return (await this.#controlPlane.query(NEWER, [seq])).map(toRecord);
  }

  /** Removes the records that have expired at `now`, epoch seconds, until the signal is aborted. */
  async clean(now: number, signal: AbortSignal): Promise<void> {
    const remove = DELETE((await this.#controlPlane.database()).kind);
    await inSteps(signal, async () => {
      const [oldest] = await this.#controlPlane.query(OLDEST);
      const until = oldest?.['until_seconds'];
      if (typeof until !== 'number' || until >= now) return false;
      await this.#controlPlane.query(remove, [now]);
      return true;
    });
  }
}

/** Inserts within the caller's transaction. Call it as late as possible, because all other revocations wait for the commit. */
export async function insertRevocations(
  manager: EntityManager,
  revocations: readonly NewRevocation[],
): Promise<RevocationRecord[]> {
  if (revocations.length === 0) return [];
  // Must come first: its row lock serializes the writers.
  await manager.increment(RevocationSequenceEntity, { id: 1 }, 'value', revocations.length);
  const sequence = await manager.findOneBy(RevocationSequenceEntity, { id: 1 });
  if (sequence === null) throw unavailable(CONTROL_DATABASE, 'the sequence of revocations is missing');
  const first = sequence.value - revocations.length + 1;
  const records = revocations.map((revocation, index) => ({ ...revocation, seq: first + index }));
  for (const { seq, tenantId, kind, id, before, until } of records)
    await manager.insert(RevocationEntity, {
      seq,
      tenantId,
      kind,
      revokedId: id,
      beforeSeconds: before ?? null,
      untilSeconds: until,
    });
  return records;
}

function toRecord(row: Row): RevocationRecord {
  const { before_seconds: before, project_id: projectId, client_id: clientId, replaces } = row;
  return {
    seq: Number(row['seq']),
    tenantId: row['tenant_id'] as TenantId,
    kind: row['kind'] as RevocationKind,
    id: String(row['revoked_id']),
    before: before === null ? undefined : Number(before),
    until: Number(row['until_seconds']),
    ...(typeof clientId === 'string' && { client: `${String(projectId)}/${clientId}` }),
    ...(replaces !== null && { replaces: Number(replaces) }),
  };
}
