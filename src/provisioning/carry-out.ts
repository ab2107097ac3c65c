import type { Secret } from '../config/secret.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { rotate, firstRing } from '../issuing/key-ring.transitions.ts';
import { newSigningKey } from '../issuing/new-signing-key.ts';
import type { AssertHeld } from '../tenancy/apply-lock.ts';
import { epochSeconds } from '../vocabulary/clock.ts';
import type { ClientName } from './client-secret.store.ts';
import type { Plan, TenantFailure } from './plan.ts';
import type { TenantPlan } from './plan-tenant.ts';
import { severalAtOnce } from './several-at-once.ts';
import type { Stores } from './stores.ts';
import type { Change } from './tenant-diff.ts';
import { draftFromSpec } from './tenant-state.ts';

/** What was done, filled while it is done: secrets in it are durable, and must be shown whatever happens after them. */
export interface Report {
  readonly changes: Change[];
  readonly secrets: { readonly client: ClientName; readonly secret: Secret }[];
  readonly failures: TenantFailure[];
}

/**
 * Makes the system what the plan says, a few tenants at once; one that fails does not stop the others. The caller holds the apply lock.
 *
 * Killed at any point, the next apply completes it: whatever a tenant needs is there before the control plane, in one transaction, shows
 * the tenant; and a tenant that goes is hidden first. A secret that was made and not shown is a live one: `tessera secrets add` makes
 * another.
 */
export async function carryOut(
  plan: Plan,
  stores: Stores,
  report: Report,
  onTenant: (done: number, total: number) => void,
  assertHeld: AssertHeld,
): Promise<void> {
  report.failures.push(...plan.failures);
  const changed = plan.tenants.filter(({ changes, directory }) => changes.length > 0 || directory.open);
  const done = await severalAtOnce(changed, onTenant, async (tenantPlan) => {
    // Secrets go to the common report as they are made, so that an apply that is ended shows them.
    const isDone = await attempt(tenantPlan.tenant.id, report, async () => {
      await assertHeld();
      await carryOutTenant(tenantPlan, stores, report, assertHeld);
    });
    return isDone ? tenantPlan.changes : [];
  });
  report.changes.push(...done.flat());
  const order = new Map(changed.map(({ tenant }, index) => [tenant.id, index]));
  report.secrets.sort((one, other) => (order.get(one.client.tenantId) ?? 0) - (order.get(other.client.tenantId) ?? 0));
  for (const id of plan.removals) {
    await attempt(id, report, async () => {
      await assertHeld();
      await stores.controlPlane.removeTenant(id, stores.clock.nowMs());
      report.changes.push({ action: 'remove', kind: 'tenant', id });
    });
  }
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

async function carryOutTenant(plan: TenantPlan, stores: Stores, report: Report, assertHeld: AssertHeld): Promise<void> {
  if (plan.directory.open) await carryOutDirectory(plan, stores);
  if (plan.keyRing === 'create') await createKeyRing(plan, stores);
  if (plan.keyRing === 'rotate') await rotateKeyRing(plan, stores);
  for (const client of plan.clientsWithoutSecret) {
    const secret = await stores.clientSecrets.ensure(client);
    if (secret !== undefined) report.secrets.push({ client, secret });
  }
  // Keys and secrets may have taken long, and what is saved replaces whatever is there.
  await assertHeld();
  if (plan.rows) await stores.controlPlane.saveTenant(draftFromSpec(plan.tenant));
  else if (plan.changes.length > 0) await stores.controlPlane.touchTenant(plan.tenant.id);
}

async function carryOutDirectory(
  { tenant, directory: { changes } }: TenantPlan,
  { directories }: Stores,
): Promise<void> {
  const directory = await directories.open(tenant);
  try {
    await directory.migrate();
    if (changes !== undefined) await directory.apply(changes);
  } finally {
    await directory.close();
  }
}

async function createKeyRing({ tenant }: TenantPlan, { keyRings, clock }: Stores): Promise<void> {
  const key = await newSigningKey(tenant.tokens.algorithm);
  await keyRings.create(tenant.id, firstRing(key, epochSeconds(clock.nowMs())));
}

/** Another algorithm is another key: it is published now and signs when every verifier knows it. */
async function rotateKeyRing({ tenant }: TenantPlan, { keyRings, clock }: Stores): Promise<void> {
  const key = await newSigningKey(tenant.tokens.algorithm);
  const result = await keyRings.update(tenant.id, (ring) => rotate(ring, key, epochSeconds(clock.nowMs())));
  if ('refusal' in result) throw new OperatorError(result.refusal);
}
