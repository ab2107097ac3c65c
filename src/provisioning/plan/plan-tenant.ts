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
import { conflicts, withLeftOut } from './left-out.ts';
import { type Removed, removedFrom } from './removed.ts';
import type { Stores } from '../apply/stores.ts';
import { type Change, diffControlPlane, diffDirectory, directoryChanges } from './tenant-diff.ts';
import { specFromState } from './tenant-state.ts';
import type { TenantSpec } from '../file/tenants-file.ts';

/** What has to be done for one tenant of the file, found out by reading alone. */
export interface TenantPlan {
  /** The tenant as it will be, with what the file leaves out. */
  readonly tenant: TenantSpec;
  readonly changes: readonly Change[];
  readonly directory: { readonly open: boolean; readonly changes: DirectoryChanges | undefined };
  readonly keyRing: 'create' | 'rotate' | undefined;
  readonly clientsWithoutSecret: readonly ClientName[];
  /** Whether the control plane's rows differ. */
  readonly rows: boolean;
  /** Whose tokens end with it. */
  readonly removed: Removed;
}

export interface PlanningRules {
  /** Removes what the file leaves out. */
  readonly prune: boolean;
  /** Makes new keys for a tenant that exists and whose keys are gone. */
  readonly dangerouslyReplaceLostKeys: boolean;
}

/** Some clients of one tenant at a time: Vault has its own bound, this is about memory. */
const CLIENTS_AT_ONCE = 16;

/**
 * @param state what the control plane says; undefined: the tenant is new
 * @returns the plan, or sentences about what is right in the file alone and wrong beside what it leaves out
 */
export async function planTenant(
  desired: TenantSpec,
  state: TenantState | undefined,
  stores: Stores,
  options: PlanningRules,
): Promise<TenantPlan | { readonly conflicts: readonly string[] }> {
  const directory = await readDirectoryOf(desired, stores);
  const before = specFromState(state ?? nothing(desired), directory.state);
  const tenant = options.prune ? desired : withLeftOut(desired, before);
  const found = conflicts(tenant);
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
  /** Missing, of an older schema, or so empty that it may not even say yet whose it is. */
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

/** Stands in for what the control plane does not have yet; no part of it is compared. */
function nothing({ id, name, status, database, tokens }: TenantSpec): TenantState {
  return {
    tenant: { id, version: 0, name, status, database, tokens, projects: new Map(), trusts: [] },
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

/** A tenant is shown in the control plane only after its keys were made: where they are missing, they were lost or are somewhere else. */
function lostKeyRing(): OperatorError {
  return new OperatorError(
    'the tenant exists, but the secret store has no keys of it: look whether VAULT_ADDR, VAULT_NAMESPACE and VAULT_KV_MOUNT lead to the right store, or restore it. ' +
      'If the keys are lost for good, apply with --dangerously-replace-lost-keys: tokens that are still alive are refused then.',
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
