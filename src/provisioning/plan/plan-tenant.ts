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
import { refusalOfRotation } from '../../keys/key-ring.transitions.ts';
import { type ClientName, nameOf } from '../../clients/client-secret.store.ts';
import type { PartialTenant } from '../file/partial-tenants-file.ts';
import type { ValidationError } from '../file/validation-error.ts';
import { checkTenant } from '../merge/checks/check-tenant.ts';
import { checkConflicts } from '../merge/checks/conflicts.ts';
import { mergeDatabase } from '../merge/merge-database.ts';
import { mergeTenant } from '../merge/merge-tenant.ts';
import { withoutThings } from '../merge/remove-things.ts';
import { Faults } from '../merge/thing.ts';
import { type Removed, removedFrom } from './removed.ts';
import type { Stores } from '../apply/stores.ts';
import { type Change, diffControlPlane, diffDirectory, directoryChanges } from './tenant-diff.ts';
import { readUpToDate } from './read-up-to-date.ts';
import { newTenantState, specFromState } from './tenant-state.ts';
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
  /** Whose tokens are revoked. */
  readonly removed: Removed;
}

export interface PlanningRules {
  /** Remove what the written lists leave out. */
  readonly prune: boolean;
  /** Remove whole tenants that the file does not name. A file without tenants removes none. */
  readonly pruneTenants: boolean;
  /** Make new keys for an existing tenant whose keys are lost. */
  readonly dangerouslyReplaceLostKeys: boolean;
  /** Change what is written and nothing else: no key is made, and only a new client gets a secret. For commands that change one thing. */
  readonly onlyWritten?: true;
}

/** Clients of one tenant read at a time. This limits memory; Vault's concurrency has its own limit. */
const CLIENTS_AT_ONCE = 16;

/** A tenant that cannot be as the file says. Nothing of the file is applied. */
export interface Refused {
  readonly conflicts: readonly ValidationError[];
}

/** What a file makes of one tenant, beside the tenant as it is. */
export interface MergedTenant {
  readonly before: TenantSpec;
  readonly after: TenantSpec;
  readonly directory: FoundDirectory;
}

/**
 * Merges what the file says about a tenant with what exists, and checks the result as a whole.
 *
 * @param state the control plane's data; undefined for a new tenant
 */
export async function mergeWithStores(
  written: PartialTenant,
  state: TenantState | undefined,
  stores: Pick<Stores, 'directories'>,
  { prune }: Pick<PlanningRules, 'prune'>,
): Promise<MergedTenant | Refused> {
  const faults = new Faults(written.id);
  // An invalid database is refused. The other errors are found nevertheless.
  const database = mergeDatabase(written, state?.tenant.database, faults) ?? state?.tenant.database;
  const kind = written.directory === null ? 'managed' : (written.directory ?? state?.tenant.directory ?? 'managed');
  const directory =
    database === undefined ? undefined : await readDirectoryOf({ id: written.id, database, directory: kind }, stores);
  const found = directory ?? { state: EMPTY_DIRECTORY, changes: [], isUnfinished: true };
  const before = specFromState(state ?? newTenantState(written.id), found.state);
  const merged = mergeTenant(
    written,
    { ...before, database: database ?? before.database },
    { isNew: state === undefined, prune },
    faults,
  );
  const after = withoutThings(merged, written.remove ?? {});
  checkTenant(written, before, after, faults);
  checkConflicts(written, after, faults);
  const conflicts = faults.list();
  return conflicts.length > 0 ? { conflicts } : { before, after, directory: found };
}

/** @param state the control plane's data; undefined for a new tenant */
export async function planTenant(
  written: PartialTenant,
  state: TenantState | undefined,
  stores: Stores,
  options: PlanningRules,
): Promise<TenantPlan | Refused> {
  const merged = await mergeWithStores(written, state, stores, options);
  if ('conflicts' in merged) return merged;
  const { before, after: tenant, directory } = merged;
  const isPart = options.onlyWritten === true && state !== undefined;
  const keyRing = isPart ? undefined : await planKeyRing(tenant.id, tenant.tokens.algorithm, stores);
  if (keyRing?.action === 'create' && state !== undefined && !options.dangerouslyReplaceLostKeys) throw lostKeyRing();
  const clientsWithoutSecret = await findClientsWithoutSecret(
    tenant.id,
    isPart ? newClients(before, tenant) : tenant.projects,
    stores,
  );
  const inDirectory = diffDirectory(before, tenant);
  const inControlPlane = diffControlPlane(state === undefined ? undefined : before, tenant);
  return {
    tenant,
    changes: [
      ...directory.changes,
      ...inDirectory,
      ...(keyRing === undefined ? [] : [keyRing.change]),
      ...clientsWithoutSecret.map((client): Change => ({
        action: 'create',
        kind: 'secret',
        id: nameOf(client),
        fields: [],
      })),
      ...inControlPlane,
    ],
    directory: {
      open: directory.isUnfinished || inDirectory.length > 0,
      changes: inDirectory.length === 0 ? undefined : directoryChanges(before, tenant),
    },
    keyRing: keyRing?.action,
    clientsWithoutSecret,
    rows: inControlPlane.length > 0,
    // A new tenant has no tokens. Those of a removed tenant of this id were revoked.
    removed: { ...removedFrom(before, tenant), ...(state === undefined ? { everybody: false } : {}) },
  };
}

export interface FoundDirectory {
  readonly state: DirectoryState;
  readonly changes: readonly Change[];
  /** Missing, with an older schema, or without its owner's mark. */
  readonly isUnfinished: boolean;
}

async function readDirectoryOf(
  tenant: Pick<Tenant, 'id' | 'database' | 'directory'>,
  { directories }: Pick<Stores, 'directories'>,
): Promise<FoundDirectory> {
  const directory = await directories.openForReading(tenant);
  if (tenant.directory === 'external') {
    // Opening has checked its views. What they show is neither compared nor written.
    await directory?.close();
    return { state: EMPTY_DIRECTORY, changes: [], isUnfinished: false };
  }
  if (directory === undefined)
    return {
      state: EMPTY_DIRECTORY,
      changes: [{ action: 'create', kind: 'database', id: tenant.id, fields: [] }],
      isUnfinished: true,
    };
  try {
    const pending = await directory.pendingMigrations();
    const state = await readUpToDate(directory, tenant.database, pending);
    const isEmpty = [state.scopes, state.roles, state.groups, state.users].every((list) => list.length === 0);
    return {
      state,
      changes: pending.length === 0 ? [] : [{ action: 'update', kind: 'schema', id: tenant.id, fields: [] }],
      isUnfinished: pending.length > 0 || isEmpty,
    };
  } finally {
    await directory.close();
  }
}

async function planKeyRing(
  tenantId: TenantId,
  algorithm: SigningAlgorithm,
  { keyRings, clock }: Stores,
): Promise<{ readonly action: 'create' | 'rotate'; readonly change: Change } | undefined> {
  const stored = await keyRings.read(tenantId);
  if (stored === undefined)
    return { action: 'create', change: { action: 'create', kind: 'key_ring', id: tenantId, fields: [] } };
  const now = epochSeconds(clock.nowMs());
  const newest = stored.ring.keys.findLast((key) => stateOf(key, now) === 'next') ?? signingKey(stored.ring, now);
  if (newest?.alg === algorithm) return undefined;
  // Found before anything is changed, and by a dry run.
  const refusal = refusalOfRotation(stored.ring, now);
  if (refusal !== undefined) throw new OperatorError(`its algorithm cannot change to ${algorithm} now. ${refusal}`);
  const fields = [{ field: 'alg', from: newest?.alg ?? null, to: algorithm }];
  return { action: 'rotate', change: { action: 'update', kind: 'key_ring', id: tenantId, fields } };
}

/** Keys are made before a tenant becomes visible in the control plane. If they are missing, they were lost or the store is a wrong one. */
function lostKeyRing(): OperatorError {
  return new OperatorError(
    'the tenant exists, but the secret store has no keys for it: check that VAULT_ADDR, VAULT_NAMESPACE and VAULT_KV_MOUNT lead to the right store, or restore it. ' +
      'If the keys are lost, apply with --dangerously-replace-lost-keys: unexpired tokens are then rejected.',
  );
}

/** The clients that are created, by their projects. */
function newClients(before: TenantSpec, after: TenantSpec): TenantSpec['projects'] {
  const present = new Map(before.projects.map(({ id, clients }) => [id, new Set(clients.map((client) => client.id))]));
  return after.projects.map((project) => ({
    ...project,
    clients: project.clients.filter(({ id }) => present.get(project.id)?.has(id) !== true),
  }));
}

async function findClientsWithoutSecret(
  tenantId: TenantId,
  projects: TenantSpec['projects'],
  { clientSecrets }: Stores,
): Promise<ClientName[]> {
  const names = projects.flatMap((project) =>
    project.clients
      .filter((client) => client.policy.kind === 'confidential')
      .map((client): ClientName => ({ tenantId, projectId: project.id, clientId: client.id })),
  );
  const without: ClientName[] = [];
  for (let start = 0; start < names.length; start += CLIENTS_AT_ONCE) {
    const some = names.slice(start, start + CLIENTS_AT_ONCE);
    const live = await Promise.all(some.map((name) => clientSecrets.hasLiveSecret(name)));
    without.push(...some.filter((_, index) => live[index] === false));
  }
  return without;
}
