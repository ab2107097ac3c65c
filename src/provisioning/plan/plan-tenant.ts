import {
  type DirectoryChanges,
  type DirectoryState,
  EMPTY_DIRECTORY,
} from '../../directory/provisioning/directory-state.ts';
import type { TenantState } from '../apply/control-plane.writer.ts';
import { type SigningAlgorithm, type Tenant } from '../../tenancy/tenant.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { epochSeconds } from '../../domain/clock.ts';
import type { TenantId } from '../../domain/ids.ts';
import { signingKey, stateOf } from '../../keys/key-ring.ts';
import { type ClientName, nameOf } from '../../clients/client-secret.store.ts';
import { mergeConflicts, mergeWithoutPrune } from './merge-without-prune.ts';
import { type Removed, removedFrom } from './removed.ts';
import type { Stores } from '../apply/stores.ts';
import { type Change, diffControlPlane, diffDirectory, directoryChanges } from './tenant-diff.ts';
import { specFromState } from './tenant-state.ts';
import type { TenantSpec } from '../file/tenants-file.ts';

/** The changes for one tenant of the file, determined by reading only. */
export interface TenantPlan {
  /** The tenant after the apply, including items that the file leaves out. */
  readonly tenant: TenantSpec;
  readonly changes: readonly Change[];
  readonly directory: { readonly open: boolean; readonly changes: DirectoryChanges | undefined };
  readonly keyRing: 'create' | 'rotate' | undefined;
  readonly clientsWithoutSecret: readonly ClientName[];
  /** Whether the control plane's rows change. */
  readonly rows: boolean;
  /** The users and clients whose tokens are revoked. */
  readonly removed: Removed;
}

export interface PlanningRules {
  /** Remove what the file leaves out. */
  readonly prune: boolean;
  /** Make new keys for an existing tenant whose keys are lost. */
  readonly dangerouslyReplaceLostKeys: boolean;
}

/** Clients of one tenant read at a time. This limits memory; Vault's concurrency has its own limit. */
const CLIENTS_AT_ONCE = 16;

/**
 * @param state the control plane's data; undefined for a new tenant
 * @returns the plan, or messages about conflicts between the file and what it leaves out
 */
export async function planTenant(
  desired: TenantSpec,
  state: TenantState | undefined,
  stores: Stores,
  options: PlanningRules,
): Promise<TenantPlan | { readonly conflicts: readonly string[] }> {
  const directory = await readDirectoryOf(desired, stores);
  const before = specFromState(state ?? nothing(desired), directory.state);
  const tenant = options.prune ? desired : mergeWithoutPrune(desired, before);
  const found = mergeConflicts(tenant);
  if (found.length > 0) return { conflicts: found };

  const keyRing = await planKeyRing(tenant.id, tenant.tokens.algorithm, stores);
  if (keyRing === 'create' && state !== undefined && !options.dangerouslyReplaceLostKeys) throw lostKeyRing();
  const clientsWithoutSecret = await findClientsWithoutSecret(tenant, stores);
  const inDirectory = diffDirectory(before, tenant);
  const inControlPlane = diffControlPlane(state === undefined ? undefined : before, tenant);
  return {
    tenant,
    changes: [
      ...directory.changes,
      ...inDirectory,
      ...(keyRing === undefined ? [] : [keyRingChange(keyRing, tenant.id)]),
      ...clientsWithoutSecret.map((client): Change => ({ action: 'create', kind: 'secret', id: nameOf(client) })),
      ...inControlPlane,
    ],
    directory: {
      open: directory.isUnfinished || inDirectory.length > 0,
      changes: inDirectory.length === 0 ? undefined : directoryChanges(before, tenant),
    },
    keyRing,
    clientsWithoutSecret,
    rows: inControlPlane.length > 0,
    removed: removedFrom(before, tenant),
  };
}

interface FoundDirectory {
  readonly state: DirectoryState;
  readonly changes: readonly Change[];
  /** Missing, with an older schema, or without its owner's mark. */
  readonly isUnfinished: boolean;
}

async function readDirectoryOf(
  tenant: Pick<Tenant, 'id' | 'database'>,
  { directories }: Stores,
): Promise<FoundDirectory> {
  const directory = await directories.openForReading(tenant);
  if (directory === undefined)
    return {
      state: EMPTY_DIRECTORY,
      changes: [{ action: 'create', kind: 'database', id: tenant.id }],
      isUnfinished: true,
    };
  try {
    const pending = await directory.pendingMigrations();
    const state = await directory.read();
    const isEmpty = [state.scopes, state.roles, state.groups, state.users].every((list) => list.length === 0);
    return {
      state,
      changes: pending.length === 0 ? [] : [{ action: 'update', kind: 'schema', id: tenant.id }],
      isUnfinished: pending.length > 0 || isEmpty,
    };
  } finally {
    await directory.close();
  }
}

/** A placeholder for the control plane's data of a new tenant. It is never compared. */
function nothing({ id, name, status, database, directory, tokens }: TenantSpec): TenantState {
  return {
    tenant: {
      id,
      version: 0,
      name,
      status,
      database,
      directory,
      administratorIds: new Set(),
      tokens,
      projects: new Map(),
      trusts: [],
    },
    administrators: [],
  };
}

async function planKeyRing(
  tenantId: TenantId,
  algorithm: SigningAlgorithm,
  { keyRings, clock }: Stores,
): Promise<TenantPlan['keyRing']> {
  const stored = await keyRings.read(tenantId);
  if (stored === undefined) return 'create';
  const now = epochSeconds(clock.nowMs());
  const newest = stored.ring.keys.findLast((key) => stateOf(key, now) === 'next') ?? signingKey(stored.ring, now);
  return newest?.alg === algorithm ? undefined : 'rotate';
}

/** Keys are made before a tenant becomes visible in the control plane. If they are missing, they were lost or the store is a wrong one. */
function lostKeyRing(): OperatorError {
  return new OperatorError(
    'the tenant exists, but the secret store has no keys for it: check that VAULT_ADDR, VAULT_NAMESPACE and VAULT_KV_MOUNT lead to the right store, or restore it. ' +
      'If the keys are lost, apply with --dangerously-replace-lost-keys: unexpired tokens are then rejected.',
  );
}

function keyRingChange(action: 'create' | 'rotate', tenantId: TenantId): Change {
  return { action: action === 'create' ? 'create' : 'update', kind: 'key_ring', id: tenantId };
}

async function findClientsWithoutSecret(tenant: TenantSpec, { clientSecrets }: Stores): Promise<ClientName[]> {
  const names = tenant.projects.flatMap((project) =>
    project.clients
      .filter((client) => client.policy.kind === 'confidential')
      .map((client): ClientName => ({ tenantId: tenant.id, projectId: project.id, clientId: client.id })),
  );
  const without: ClientName[] = [];
  for (let start = 0; start < names.length; start += CLIENTS_AT_ONCE) {
    const some = names.slice(start, start + CLIENTS_AT_ONCE);
    const live = await Promise.all(some.map((name) => clientSecrets.hasLiveSecret(name)));
    without.push(...some.filter((_, index) => live[index] === false));
  }
  return without;
}
