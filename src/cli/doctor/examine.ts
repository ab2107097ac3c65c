import type { Config } from '../../config/config.ts';
import { CONTROL_DATABASE } from '../../control-plane/control-database.ts';
import type { Clock } from '../../domain/clock.ts';
import type { TenantId } from '../../domain/ids.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { TenantState } from '../../provisioning/apply/control-plane.writer.ts';
import { mapConcurrently } from '../../provisioning/map-concurrently.ts';
import { findTenant, type Installation, withUnchanged } from '../installation.ts';
import { CHECKS } from './checks.ts';
import { TenantExaminer } from './examine-tenant.ts';
import type { InstallationFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { followsFromDrift } from './found-drift.ts';
import { managedTables } from './managed-tables.ts';
import { Report } from './report.ts';

export interface ExaminationOptions {
  /** Undefined: all tenants. */
  readonly only: TenantId | undefined;
  readonly replicas: number | undefined;
  readonly clock: Clock;
  readonly onTenant: (done: number, total: number) => void;
}

/**
 * Examines an installation. Changes nothing: embedded databases are read from private copies, or where they are, others by SELECT. A few tenants are
 * in memory at a time.
 *
 * @throws OperatorError if there is no tenant of that id, or no space for the copies
 */
export async function examine(config: Config, options: ExaminationOptions): Promise<readonly Finding[]> {
  const report = new Report();
  try {
    await withUnchanged(config, async (stores) => {
      await examineStores(stores, options, report);
    });
  } catch (error) {
    // Wrong use, or no space for the private copies: nothing about the installation.
    if (error instanceof OperatorError) throw error;
    report.fail(CHECKS.foundation.database.name, CONTROL_DATABASE, error);
  }
  return report.findings();
}

async function examineStores(stores: Installation, options: ExaminationOptions, report: Report): Promise<void> {
  const { vault, database, schema } = CHECKS.foundation;
  await report.run(vault, stores, 'vault');
  // Without the control database, no tenant is known.
  if (!(await report.run(database, stores, CONTROL_DATABASE))) return;
  const isAsMigrated = await report.run(schema, stores, CONTROL_DATABASE);
  const isKnown = (error: unknown): boolean => !isAsMigrated && followsFromDrift(error);
  const tenants = await readTenants(stores, options, report, isKnown);
  if (tenants === undefined) return;
  const { clock, only, replicas } = options;
  const facts: InstallationFacts = { stores, clock, tenants, only, replicas, vaultIsAway: report.vaultIsAway };
  await Promise.all([examineInstallation(facts, report, isKnown), examineTenants(facts, options, report, isKnown)]);
}

/** @returns undefined if they cannot be read, which is a finding */
async function readTenants(
  stores: Installation,
  { only }: ExaminationOptions,
  report: Report,
  isKnown: (error: unknown) => boolean,
): Promise<readonly TenantState[] | undefined> {
  let states: readonly TenantState[];
  try {
    states = await stores.controlPlane.readTenants();
  } catch (error) {
    if (!isKnown(error)) report.fail(CHECKS.foundation.database.name, CONTROL_DATABASE, error);
    return undefined;
  }
  return only === undefined ? states : [await findTenant(stores, only)];
}

async function examineInstallation(
  facts: InstallationFacts,
  report: Report,
  isKnown: (error: unknown) => boolean,
): Promise<void> {
  for (const check of CHECKS.installation)
    if (check.needsVault !== true || !report.vaultIsAway) await report.run(check, facts, 'installation', isKnown);
}

async function examineTenants(
  { stores, clock, tenants }: InstallationFacts,
  { onTenant }: ExaminationOptions,
  report: Report,
  isKnown: (error: unknown) => boolean,
): Promise<void> {
  const examiner = new TenantExaminer(stores, clock, managedTables(), report, isKnown);
  await mapConcurrently(tenants, onTenant, (state) => examiner.examine(state));
}
