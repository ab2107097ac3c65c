import { type EntityManager, In, IsNull, Not } from 'typeorm';
import { unavailable } from '../../errors/tessera-error.ts';
import { parseEmail } from '../../domain/email.ts';
import { shownPath } from '../../domain/text/shown-change.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { Administrator } from '../../directory/administrator.ts';
import { readStatus } from '../../domain/status.ts';
import { readNamesColumn } from '../../control-plane/json-column.ts';
import type { RecordedChange } from '../../audit/changes/change-subjects.ts';
import { type ChangeRecords, NO_CHANGE_RECORDS } from '../../audit/changes/change-trail.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { lockIsTakenOver } from '../../control-plane/lock-errors.ts';
import { NO_FENCE, type WriteFence } from '../../control-plane/write-fence.ts';
import { CONTROL_DATABASE } from '../../control-plane/control-database.ts';
import { AdministratorEntity, AdministratorIdentityEntity } from '../../control-plane/entities/administrator.entity.ts';
import { ChangeSequenceEntity } from '../../control-plane/entities/change-sequence.entity.ts';
import { ClientEntity } from '../../control-plane/entities/client.entity.ts';
import { ProjectEntity } from '../../control-plane/entities/project.entity.ts';
import { SecretUseEntity } from '../../control-plane/entities/secret-use.entity.ts';
import { TenantEntity } from '../../control-plane/entities/tenant.entity.ts';
import { TrustEntity } from '../../control-plane/entities/trust.entity.ts';
import { assertKept } from '../../database/read-back.ts';
import { byTenant, readTenants } from '../../tenancy/read-tenant.ts';
import { insertRevocations, type NewRevocation, type RevocationRecord } from '../../revocation/revocation-records.ts';
import type { RowOf } from '../../database/schema.ts';
import type { Tenant, TenantFacts } from '../../tenancy/tenant.ts';
import { rowsFromTenant } from '../../tenancy/tenant-rows.ts';

/** No request waits for a read of all tenants: ten thousand take a few seconds. */
const ALL_TENANTS_MS = 60_000;

/** A tenant with all its control plane data. */
export interface TenantState {
  readonly tenant: Tenant;
  readonly administrators: readonly Administrator[];
}

/** The desired state of a tenant. The control plane assigns the version. */
export interface TenantDraft {
  readonly tenant: TenantFacts;
  readonly administrators: readonly Administrator[];
}

/** A removed tenant. Kept until `purge`, so that its keys and secrets in Vault can be found. */
export interface Tombstone {
  readonly tenantId: TenantId;
  readonly removedAtMs: number;
}

/** Rows per statement, below SQLite's and MySQL's limits on placeholders. */
const ROWS_PER_INSERT = 500;

/**
 * Writes to the control plane for provisioning. Every method is one transaction, which also increments the change sequence and stores it in the
 * tenant's row. Running servers notice changes by it. The record of the change is in the same transaction.
 */
export class ControlPlaneWriter {
  readonly #controlPlane: ControlPlane;
  readonly #changes: ChangeRecords;
  readonly #fence: WriteFence;

  /** @param fence of the apply lock, for a command that holds it */
  constructor(controlPlane: ControlPlane, changes: ChangeRecords = NO_CHANGE_RECORDS, fence: WriteFence = NO_FENCE) {
    this.#controlPlane = controlPlane;
    this.#changes = changes;
    this.#fence = fence;
  }

  /** Revokes, alone or before a change that cannot be part of the same transaction. */
  revoke(revocations: readonly NewRevocation[]): Promise<RevocationRecord[]> {
    return this.#write(async (manager) => {
      for (const tenantId of new Set(revocations.map((revocation) => revocation.tenantId)))
        await this.#changes.insertInto(
          manager,
          tenantId,
          await revocationChanges(
            manager,
            revocations.filter((revocation) => revocation.tenantId === tenantId),
          ),
        );
      return insertRevocations(manager, revocations);
    });
  }

  /** All tenants that are not removed, with their administrators, by id. */
  readTenants(): Promise<TenantState[]> {
    return this.#controlPlane.snapshot((manager) => readStates(manager), ALL_TENANTS_MS);
  }

  /** One tenant that is not removed, with its administrators. */
  async readTenant(id: TenantId): Promise<TenantState | undefined> {
    const [state] = await this.#controlPlane.snapshot((manager) => readStates(manager, [id]));
    return state;
  }

  /** The first ids of tenants that are not removed, in order. */
  readTenantIds(limit: number): Promise<TenantId[]> {
    return this.#controlPlane.snapshot(async (manager) => {
      const rows = await manager.find(TenantEntity, {
        select: { id: true },
        where: { removedAtMs: IsNull() },
        order: { id: 'ASC' },
        take: limit,
      });
      return rows.map(({ id }) => id as TenantId);
    });
  }

  readTombstones(): Promise<Tombstone[]> {
    return this.#controlPlane.snapshot(async (manager) => {
      const rows = await manager.find(TenantEntity, { where: { removedAtMs: Not(IsNull()) }, order: { id: 'ASC' } });
      return rows.map((row) => ({ tenantId: row.id as TenantId, removedAtMs: row.removedAtMs ?? 0 }));
    });
  }

  /**
   * Saves the tenant, replacing its present state. A tombstone becomes a tenant again. Returns the new version.
   *
   * @param revocations for what the draft removes, in the same transaction
   */
  saveTenant(draft: TenantDraft, revocations: readonly NewRevocation[] = []): Promise<number> {
    return this.#write(async (manager) => {
      const version = await nextVersion(manager);
      const { tenant, projects, clients, trusts } = rowsFromTenant(draft.tenant, version);
      const administrators = draft.administrators.map((one) => administratorRow(draft.tenant.id, one));
      const identities = draft.administrators.flatMap((one) => identityRows(draft.tenant.id, one));
      await deleteParts(manager, draft.tenant.id);
      await manager.upsert(TenantEntity, tenant, ['id']);
      await insertAll(manager, ProjectEntity, projects);
      await insertAll(manager, ClientEntity, clients);
      await insertAll(manager, TrustEntity, trusts);
      await insertAll(manager, AdministratorEntity, administrators);
      await insertAll(manager, AdministratorIdentityEntity, identities);
      const ofTenant = { tenantId: draft.tenant.id };
      await assertKept(manager, CONTROL_DATABASE, TenantEntity, { id: draft.tenant.id }, [tenant]);
      await assertKept(manager, CONTROL_DATABASE, ProjectEntity, ofTenant, projects);
      await assertKept(manager, CONTROL_DATABASE, ClientEntity, ofTenant, clients);
      await assertKept(manager, CONTROL_DATABASE, TrustEntity, ofTenant, trusts);
      await assertKept(manager, CONTROL_DATABASE, AdministratorEntity, ofTenant, administrators);
      await assertKept(manager, CONTROL_DATABASE, AdministratorIdentityEntity, ofTenant, identities);
      await this.#changes.insertInto(manager, draft.tenant.id);
      await insertRevocations(manager, revocations);
      return version;
    });
  }

  /** Replaces the tenant by a tombstone, and revokes in the same transaction. Removing a missing tenant is not an error. */
  removeTenant(id: TenantId, nowMs: number, revocations: readonly NewRevocation[] = []): Promise<void> {
    return this.#write(async (manager) => {
      const version = await nextVersion(manager);
      await deleteParts(manager, id);
      await manager.update(TenantEntity, { id, removedAtMs: IsNull() }, { removedAtMs: nowMs, version });
      await this.#changes.insertInto(manager, id, [{ action: 'remove', kind: 'tenant', id }]);
      await insertRevocations(manager, revocations);
    });
  }

  /** Removes a tombstone and the usage records of the tenant's secrets. Audit records stay. */
  forgetTenant(id: TenantId): Promise<void> {
    return this.#write(async (manager) => {
      await manager.delete(TenantEntity, { id, removedAtMs: Not(IsNull()) });
      await manager.delete(SecretUseEntity, { tenantId: id });
      await this.#changes.insertInto(manager, id);
    });
  }

  /**
   * Announces a change of the tenant's directory, or of its key ring, secrets or database credentials in Vault, and revokes in the same transaction.
   */
  touchTenant(id: TenantId, revocations: readonly NewRevocation[] = []): Promise<void> {
    return this.#write(async (manager) => {
      const version = await nextVersion(manager);
      await manager.update(TenantEntity, { id }, { version });
      await this.#changes.insertInto(manager, id);
      await insertRevocations(manager, revocations);
    });
  }

  /** @throws OperatorError if another process has taken over the apply lock; then nothing was written */
  async #write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const lock = { isLost: false };
    try {
      return await this.#controlPlane.transaction(async (manager) => {
        const result = await work(manager);
        lock.isLost = !(await this.#fence.isHeldIn(manager));
        if (lock.isLost) throw lockIsTakenOver();
        return result;
      });
    } catch (error) {
      // The database reports any error of a transaction as its own.
      throw lock.isLost ? lockIsTakenOver() : error;
    }
  }
}

export function revocationChange({ kind, id }: NewRevocation): RecordedChange {
  // With --force any text is taken as an id.
  return { action: 'create', kind: 'revocation', id: `${kind} ${shownPath(id)}` };
}

/** A revocation names a client without its project. The record names each client that it stops. */
async function revocationChanges(
  manager: EntityManager,
  revocations: readonly NewRevocation[],
): Promise<RecordedChange[]> {
  const changes: RecordedChange[] = [];
  for (const revocation of revocations) {
    const { kind, tenantId, id } = revocation;
    const clients = kind === 'client' ? await manager.findBy(ClientEntity, { tenantId, id }) : [];
    if (clients.length === 0) changes.push(revocationChange(revocation));
    else changes.push(...clients.map(({ projectId }) => revocationChange({ ...revocation, id: `${projectId}/${id}` })));
  }
  return changes;
}

async function nextVersion(manager: EntityManager): Promise<number> {
  await manager.increment(ChangeSequenceEntity, { id: 1 }, 'value', 1);
  const row = await manager.findOneBy(ChangeSequenceEntity, { id: 1 });
  if (row === null) throw unavailable(CONTROL_DATABASE, 'the change sequence is missing');
  return row.value;
}

async function deleteParts(manager: EntityManager, tenantId: TenantId): Promise<void> {
  const parts = [ProjectEntity, ClientEntity, TrustEntity, AdministratorIdentityEntity, AdministratorEntity];
  for (const part of parts) await manager.delete(part, { tenantId });
}

async function insertAll<R extends object>(
  manager: EntityManager,
  entity: new () => R,
  rows: readonly RowOf<R>[],
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT)
    await manager
      .createQueryBuilder()
      .insert()
      .into(entity)
      .values(rows.slice(start, start + ROWS_PER_INSERT) as never)
      .updateEntity(false)
      .execute();
}

function identityRows(tenantId: TenantId, { id, identities }: Administrator): RowOf<AdministratorIdentityEntity>[] {
  return identities.map(({ issuer, sub }) => ({ tenantId, issuer, sub, administratorId: id }));
}

function administratorRow(tenantId: TenantId, administrator: Administrator): RowOf<AdministratorEntity> {
  const email = parseEmail(administrator.email);
  if (email === undefined) throw new Error('an administrator without an e-mail address that parses');
  return {
    tenantId,
    id: administrator.id,
    email: email.original,
    emailCanonical: email.canonical,
    status: administrator.status,
    roles: JSON.stringify(administrator.roles),
    scopes: JSON.stringify(administrator.scopes),
  };
}

/** @param ids absent: all tenants */
async function readStates(manager: EntityManager, ids?: readonly TenantId[]): Promise<TenantState[]> {
  const tenants = await readTenants(manager, ids);
  const administrators = await readAdministrators(manager, ids);
  return tenants.map((tenant) => ({ tenant, administrators: administrators.get(tenant.id) ?? [] }));
}

async function readAdministrators(
  manager: EntityManager,
  ids: readonly TenantId[] | undefined,
): Promise<Map<string, Administrator[]>> {
  const ofTenants = ids === undefined ? {} : { where: { tenantId: In(ids) } };
  const identities = byTenant(
    await manager.find(AdministratorIdentityEntity, { ...ofTenants, order: { issuer: 'ASC', sub: 'ASC' } }),
  );
  const rows = byTenant(await manager.find(AdministratorEntity, { ...ofTenants, order: { id: 'ASC' } }));
  return new Map(
    [...rows].map(([tenantId, administrators]) => [
      tenantId,
      administrators.map((row) => ({
        id: row.id,
        email: row.email,
        status: readStatus(row.status),
        roles: readNamesColumn('administrators.roles', row.roles),
        scopes: readNamesColumn('administrators.scopes', row.scopes),
        identities: (identities.get(tenantId) ?? [])
          .filter((identity) => identity.administratorId === row.id)
          .map(({ issuer, sub }) => ({ issuer, sub })),
      })),
    ]),
  );
}
