import type { Config } from '../../config/config.ts';
import { withApplyLock } from '../../control-plane/apply-lock.ts';
import type { DirectoryOpener } from '../../directory/provisioning/directory.opener.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { Report } from '../../provisioning/apply/apply-plan.ts';
import { readTenant } from '../../provisioning/file/read-installation.ts';
import type { PartialTenant, PartialTenantsFile } from '../../provisioning/file/partial-tenants-file.ts';
import type { TenantSpec } from '../../provisioning/file/tenants-file.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { changesOf, planFile } from '../../provisioning/plan/plan.ts';
import { applyFile } from '../apply/apply-file.ts';
import { explainError } from '../explain-error.ts';
import { withReadOnly, withSchema } from '../installation.ts';
import type { Terminal } from '../terminal.ts';

const KEEP_THE_REST = { prune: false, pruneTenants: false, dangerouslyReplaceLostKeys: false } as const;

/**
 * Migrates the embedded stores, and reads the tenants of the file that exist already. Afterwards they have the current schema, as after an apply; a
 * newer version can start on the stores of an older one.
 */
export function readExisting(config: Config, { tenants }: PartialTenantsFile): Promise<TenantSpec[]> {
  const named = new Set(tenants.map(({ id }) => id));
  return withApplyLock(config, () =>
    withSchema(config, async ({ database, controlPlane, directories }) => {
      await database.migrate();
      const existing: TenantSpec[] = [];
      for (const state of await controlPlane.readTenants()) {
        if (!named.has(state.tenant.id)) continue;
        if (state.tenant.directory === 'managed') await migrateDirectory(state.tenant, directories);
        existing.push(await readTenant(state, directories));
      }
      return existing;
    }),
  );
}

async function migrateDirectory(tenant: Tenant, directories: DirectoryOpener): Promise<void> {
  const directory = await directories.open(tenant);
  try {
    await directory.migrate();
  } finally {
    await directory.close();
  }
}

/** @returns the secrets that were made, which nobody has seen yet */
export async function createTenants(
  config: Config,
  tenants: readonly PartialTenant[],
  terminal: Terminal,
): Promise<Report['secrets']> {
  const report: Report = { changes: [], secrets: [], failures: [] };
  await applyFile(config, { tenants }, KEEP_THE_REST, report, terminal);
  const [failure] = report.failures;
  if (failure !== undefined) throw new OperatorError(explainError(failure.error));
  return report.secrets;
}

/** How many changes an apply of these tenants would make; undefined if it would be refused. */
export function countDifferences(config: Config, tenants: readonly PartialTenant[]): Promise<number | undefined> {
  return withReadOnly(config, async (stores) => {
    const plan = await planFile({ tenants }, await stores.controlPlane.readTenants(), stores, {
      ...KEEP_THE_REST,
      onTenant: () => undefined,
    });
    return 'conflicts' in plan || plan.failures.length > 0 ? undefined : changesOf(plan).length;
  });
}
