import type { TenantState } from '../apply/control-plane.writer.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { type PlanningRules, planTenant, type Refused, type TenantPlan } from './plan-tenant.ts';
import { mergeDatabase } from '../merge/merge-database.ts';
import { sharedDatabases } from '../merge/checks/shared-databases.ts';
import { mapConcurrently } from '../map-concurrently.ts';
import { Faults } from '../merge/thing.ts';
import type { Stores } from '../apply/stores.ts';
import type { Change } from './tenant-diff.ts';
import type { PartialTenantsFile } from '../file/partial-tenants-file.ts';
import { byPosition, type ValidationError } from '../file/validation-error.ts';

/** All changes of applying a file, determined by reading only. A dry run shows them; an apply makes them. */
export interface Plan {
  readonly tenants: readonly TenantPlan[];
  readonly removals: readonly TenantId[];
  /** Tenants whose stores could not be read. The others are applied without them. */
  readonly failures: readonly TenantFailure[];
}

export interface TenantFailure {
  readonly tenantId: TenantId;
  readonly error: unknown;
}

export interface PlanOptions extends PlanningRules {
  readonly onTenant: (done: number, total: number) => void;
}

/**
 * @param states the tenants in the control plane
 * @returns the plan, or why the file cannot be applied to the present state
 */
export async function planFile(
  file: PartialTenantsFile,
  states: readonly TenantState[],
  stores: Stores,
  options: PlanOptions,
): Promise<Plan | Refused> {
  const before = new Map(states.map((state) => [state.tenant.id, state]));
  const tenants: TenantPlan[] = [];
  const failures: TenantFailure[] = [];
  const conflicts: ValidationError[] = [];
  const results = await mapConcurrently(file.tenants, options.onTenant, async (desired) => {
    try {
      return await planTenant(desired, before.get(desired.id), stores, options);
    } catch (error) {
      return { tenantId: desired.id, error };
    }
  });
  for (const result of results) {
    if ('error' in result) failures.push(result);
    else if ('conflicts' in result) conflicts.push(...result.conflicts);
    else tenants.push(result);
  }
  const named = new Set(file.tenants.map(({ id }) => id));
  const removals = options.pruneTenants ? unnamed(file, states) : [];
  const untouched = states.map(({ tenant }) => tenant).filter(({ id }) => !named.has(id) && !removals.includes(id));
  const failed = failures.flatMap(({ tenantId }) => databasesOf(tenantId, file, before.get(tenantId)));
  conflicts.push(...sharedDatabases(file.tenants, [...untouched, ...tenants.map(({ tenant }) => tenant), ...failed]));
  if (conflicts.length > 0) return { conflicts: conflicts.sort(byPosition) };
  return { tenants, removals, failures };
}

/** The databases of a tenant whose store failed: the present one, where it stays, and the one that the file gives it. */
function databasesOf(
  id: TenantId,
  { tenants }: PartialTenantsFile,
  state: TenantState | undefined,
): Pick<Tenant, 'id' | 'database'>[] {
  const written = tenants.find((tenant) => tenant.id === id);
  const next = written && mergeDatabase(written, state?.tenant.database, new Faults(id));
  return [state?.tenant.database, next]
    .filter((database) => database !== undefined)
    .map((database) => ({ id, database }));
}

/** The tenants that the file does not name. A file without tenants, such as the export of an empty store, says nothing about any. */
export function unnamed(file: PartialTenantsFile, states: readonly TenantState[]): TenantId[] {
  const named = new Set(file.tenants.map(({ id }) => id));
  return named.size === 0 ? [] : states.map(({ tenant }) => tenant.id).filter((id) => !named.has(id));
}

export function changesOf(plan: Plan): Change[] {
  return [...plan.tenants.flatMap(({ changes }) => changes), ...plan.removals.map(removalOf)];
}

export function removalOf(id: TenantId): Change {
  return { action: 'remove', kind: 'tenant', id, fields: [] };
}
