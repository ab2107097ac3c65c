import type { Secret } from '../../config/secret.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { rotate, firstRing } from '../../keys/key-ring.transitions.ts';
import { newSigningKey } from '../../keys/new-signing-key.ts';
import { revocationOfAll } from '../../revocation/new-revocations.ts';
import { commitInTime } from '../../revocation/revocation-reach.ts';
import type { AssertHeld } from '../../control-plane/write-fence.ts';
import type { NewRevocation } from '../../revocation/revocation-records.ts';
import { epochSeconds } from '../../domain/clock.ts';
import type { ClientName } from '../../clients/client-secret.store.ts';
import { type Plan, removalOf, type TenantFailure } from '../plan/plan.ts';
import type { TenantPlan } from '../plan/plan-tenant.ts';
import { isAnythingIn, type Removed, revocationsOf } from '../plan/removed.ts';
import { mapConcurrently } from '../map-concurrently.ts';
import type { Stores } from './stores.ts';
import type { Change } from '../plan/tenant-diff.ts';
import { draftFromSpec } from '../plan/tenant-state.ts';

/** What was done, filled in during the work. Its secrets are durable and must be shown, whatever fails later. */
export interface Report {
  readonly changes: Change[];
  readonly secrets: { readonly client: ClientName; readonly secret: Secret }[];
  readonly failures: TenantFailure[];
}

/**
 * Applies the plan, a few tenants at a time. A tenant that fails does not stop the others. The caller holds the apply lock.
 *
 * If it is killed, the next apply completes it: everything that a tenant needs exists before one transaction makes the tenant visible in the control
 * plane, and a removed tenant is hidden first. A secret that was made but not shown stays live: `tessera secrets add` makes another.
 */
export async function applyPlan(
  plan: Plan,
  stores: Stores,
  report: Report,
  onTenant: (done: number, total: number) => void,
  assertHeld: AssertHeld,
): Promise<void> {
  const changed = plan.tenants.filter(isChanged);
  const done = await mapConcurrently(changed, onTenant, async (tenantPlan) => {
    // Secrets are added to the shared report as they are made, so that an interrupted apply shows them.
    const isDone = await attempt(tenantPlan.tenant.id, report, async () => {
      await assertHeld();
      await applyPlanTenant(tenantPlan, stores, report, assertHeld).catch((error: unknown) => {
        stores.changes.noteFailure(tenantPlan.tenant.id, error);
        throw error;
      });
    });
    return isDone ? tenantPlan.changes : [];
  });
  report.changes.push(...done.flat());
  const order = new Map(changed.map(({ tenant }, index) => [tenant.id, index]));
  report.secrets.sort((one, other) => (order.get(one.client.tenantId) ?? 0) - (order.get(other.client.tenantId) ?? 0));
  for (const id of plan.removals) {
    await attempt(id, report, async () => {
      await assertHeld();
      await commitInTime(stores.clock, (before) =>
        stores.controlPlane.removeTenant(id, stores.clock.nowMs(), [revocationOfAll(id, 'tenant', '*', before)]),
      );
      report.changes.push(removalOf(id));
    });
  }
}

/** Whether applying the plan changes anything. */
export function hasWork({ tenants, removals }: Plan): boolean {
  return removals.length > 0 || tenants.some(isChanged);
}

export function isChanged({ changes, directory }: TenantPlan): boolean {
  return changes.length > 0 || directory.open;
}

async function attempt(
  tenantId: TenantFailure['tenantId'],
  report: Report,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    report.failures.push({ tenantId, error });
    return false;
  }
}

async function applyPlanTenant(
  plan: TenantPlan,
  stores: Stores,
  report: Report,
  assertHeld: AssertHeld,
): Promise<void> {
  const { tenant, removed } = plan;
  stores.changes.note(tenant.id, plan.changes);
  if (plan.directory.open) await applyPlanDirectory(plan, stores);
  if (plan.keyRing === 'create') await createKeyRing(plan, stores);
  if (plan.keyRing === 'rotate') await rotateKeyRing(plan, stores);
  for (const client of plan.clientsWithoutSecret) {
    const secret = await stores.clientSecrets.ensure(client);
    if (secret !== undefined) report.secrets.push({ client, secret });
  }
  // Making keys and secrets may have taken long, and saving replaces the present rows, so check the lock first.
  await assertHeld();
  const save = async (revocations: readonly NewRevocation[]): Promise<void> => {
    if (plan.rows) await stores.controlPlane.saveTenant(draftFromSpec(tenant), revocations);
    else if (plan.changes.length > 0) await stores.controlPlane.touchTenant(tenant.id, revocations);
  };
  if (isAnythingIn(removed))
    await commitInTime(stores.clock, (before) => save(revocationsOf(tenant.id, removed, before)));
  else await save([]);
}

async function applyPlanDirectory(plan: TenantPlan, stores: Stores): Promise<void> {
  const { tenant, removed, directory: planned } = plan;
  const directory = await stores.directories.open(tenant);
  try {
    await directory.migrate();
    if (planned.changes !== undefined)
      await directory.apply(planned.changes, async () => {
        if (removed.users.length > 0) await revokeUsers(plan, stores);
      });
  } finally {
    await directory.close();
  }
}

/**
 * Revokes the tokens of removed users immediately before their rows are removed, and once more at the end of the tenant's changes. If apply is killed
 * in between, the next apply does not find these users. Servers do not cache anything of the tenant until the revocation's reach is over, and by then
 * the rows are gone.
 */
async function revokeUsers({ tenant, removed: { users } }: TenantPlan, { controlPlane, clock }: Stores): Promise<void> {
  const removed: Removed = { clients: [], services: [], administrators: [], users, everybody: false };
  await commitInTime(clock, (before) => controlPlane.revoke(revocationsOf(tenant.id, removed, before)));
}

async function createKeyRing({ tenant }: TenantPlan, { keyRings, clock }: Stores): Promise<void> {
  const key = await newSigningKey(tenant.tokens.algorithm);
  await keyRings.create(tenant.id, firstRing(key, epochSeconds(clock.nowMs())));
}

/** A new algorithm needs a new key. It is published now and signs when every verifier knows it. */
async function rotateKeyRing({ tenant }: TenantPlan, { keyRings, clock }: Stores): Promise<void> {
  const key = await newSigningKey(tenant.tokens.algorithm);
  const result = await keyRings.update(tenant.id, (ring) => rotate(ring, key, epochSeconds(clock.nowMs())));
  if ('refusal' in result) throw new OperatorError(result.refusal);
}
