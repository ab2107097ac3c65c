import type { IntendedChanges } from '../../audit/changes/change-trail.ts';
import type { Config } from '../../config/config.ts';
import { withApplyLock } from '../../control-plane/apply-lock.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { TenantId } from '../../domain/ids.ts';
import { applyPlan, hasWork, isChanged, type Report } from '../../provisioning/apply/apply-plan.ts';
import type { PartialTenantsFile } from '../../provisioning/file/partial-tenants-file.ts';
import type { PlanningRules } from '../../provisioning/plan/plan-tenant.ts';
import { changesOf, type Plan, planFile, removalOf, unnamed } from '../../provisioning/plan/plan.ts';
import type { Change } from '../../provisioning/plan/tenant-diff.ts';
import {
  type Installation,
  isNewControlDatabase,
  pendingControlMigrations,
  withReadOnly,
  withSchema,
  withWritable,
} from '../installation.ts';
import { Progress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import { refusedFile } from './read-file.ts';

/** What to apply: a file, or what a command writes from the things that exist. It is then read and written under one lock. */
export type ToApply = PartialTenantsFile | ((stores: Installation) => Promise<PartialTenantsFile>);

export interface ApplyRules extends PlanningRules {
  /** How the operator named the file, for its errors; undefined if a command wrote what is applied. */
  readonly file?: string;
  /** The whole tenants whose removal was confirmed; undefined: any. */
  readonly confirmed?: readonly TenantId[] | undefined;
}

/** Migrates all schemas and applies the plan, under the apply lock. */
export async function applyFile(
  config: Config,
  file: ToApply,
  rules: ApplyRules,
  report: Report,
  terminal: Terminal,
): Promise<void> {
  await withApplyLock(config, async (assertHeld, fence) => {
    const pending = await pendingControlMigrations(config);
    // A server's database must be migrated before planning. For an embedded one, the plan is made on a migrated copy, so that a refusal changes
    // nothing.
    if (config.controlDatabase.driver === 'mysql' && pending.length > 0) await migrateControl(config, report);
    const plan = await planOrRefuse(config, file, rules, terminal);
    assertConfirmed(plan, rules);
    if (config.controlDatabase.driver === 'sqlite' && pending.length > 0) await migrateControl(config, report);
    report.failures.push(...plan.failures);
    if (!hasWork(plan)) return;
    const progress = new Progress(terminal);
    await withWritable(
      config,
      terminal,
      intendedBy(plan),
      (stores) =>
        applyPlan(
          plan,
          stores,
          report,
          (done, total) => {
            progress.show('applying tenant', done, total);
          },
          assertHeld,
        ),
      fence,
    );
    progress.end();
  });
}

async function migrateControl(config: Config, report: Report): Promise<void> {
  const ran = await withSchema(config, ({ database }) => database.migrate());
  if (ran.length > 0) report.changes.push(controlSchemaChange());
}

function controlSchemaChange(): Change {
  return { action: 'update', kind: 'schema', id: 'control', fields: [] };
}

function intendedBy({ tenants, removals }: Plan): IntendedChanges[] {
  return [
    ...tenants.filter(isChanged).map(({ tenant, changes }) => ({ tenantId: tenant.id, changes })),
    ...removals.map((id) => ({ tenantId: id, changes: [removalOf(id)] })),
  ];
}

/** The plan of a dry run. */
export async function planOnly(
  config: Config,
  file: ToApply,
  options: ApplyRules,
  terminal: Terminal,
): Promise<{ changes: Change[]; plan: Plan }> {
  const pending = await pendingControlMigrations(config);
  const isNew = isNewControlDatabase(pending);
  // An embedded database is read from a migrated copy.
  if (config.controlDatabase.driver === 'mysql' && pending.length > 0 && !isNew)
    throw new OperatorError(
      "The control database's schema is not current, so there is nothing to compare with. Run: tessera migrate",
    );
  const plan = await planOrRefuse(config, file, options, terminal, isNew);
  return { changes: [...(pending.length > 0 ? [controlSchemaChange()] : []), ...changesOf(plan)], plan };
}

/** @param isNew the control database has no tables yet, so there is no tenant to compare with */
async function planOrRefuse(
  config: Config,
  file: ToApply,
  rules: ApplyRules,
  terminal: Terminal,
  isNew = false,
): Promise<Plan> {
  const progress = new Progress(terminal);
  const plan = await withReadOnly(config, async (stores) =>
    planFile(
      typeof file === 'function' ? await file(stores) : file,
      isNew ? [] : await stores.controlPlane.readTenants(),
      stores,
      {
        prune: rules.prune,
        pruneTenants: rules.pruneTenants,
        dangerouslyReplaceLostKeys: rules.dangerouslyReplaceLostKeys,
        ...(rules.onlyWritten === true ? { onlyWritten: true } : {}),
        onTenant: (done, total) => {
          progress.show('comparing tenant', done, total);
        },
      },
    ),
  );
  progress.end();
  if ('conflicts' in plan) throw refusedFile(rules.file, plan.conflicts);
  return plan;
}

/** The whole tenants that an apply of the file would remove, for their confirmation. */
export async function tenantsToRemove(config: Config, file: PartialTenantsFile): Promise<readonly TenantId[]> {
  if (isNewControlDatabase(await pendingControlMigrations(config))) return [];
  return withReadOnly(config, async ({ controlPlane }) => unnamed(file, await controlPlane.readTenants()));
}

/** Nobody has confirmed the removal of a tenant that was made after the question. */
function assertConfirmed({ removals }: Plan, { confirmed }: ApplyRules): void {
  if (confirmed === undefined || removals.every((id) => confirmed.includes(id))) return;
  throw new OperatorError('Another tenant was made meanwhile. Nothing was changed: run the command again.');
}
