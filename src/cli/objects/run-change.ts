import { OperatorError } from '../../errors/operator-error.ts';
import type { PlanningRules } from '../../provisioning/plan/plan-tenant.ts';
import { applyAndPrint, planAndPrint } from '../apply/apply-and-print.ts';
import type { Installation } from '../installation.ts';
import { type OutputFormat, printLines, type Terminal } from '../terminal.ts';
import type { BuildChange } from './change-builders.ts';
import type { ObjectPath, PathKind } from './object-path.ts';
import { readChange } from './tenant-document.ts';
import { openTenant, type TenantSource } from './tenant-source.ts';

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly output: OutputFormat;
}

/** What the command does not write stays as it is, other clients' secrets and the signing keys too. */
const THIS_ALONE: PlanningRules = {
  prune: false,
  pruneTenants: false,
  dangerouslyReplaceLostKeys: false,
  onlyWritten: true,
};

const IN_THE_DIRECTORY: ReadonlySet<PathKind> = new Set<PathKind>(['user', 'group', 'role', 'scope']);

/** Plans and applies one change with the code of `tessera apply`: the same rules, order, lock, transactions and revocations. */
export async function runChange(
  kind: PathKind,
  build: BuildChange,
  { tenantId, name }: ObjectPath,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<void> {
  const config = terminal.loadConfig();
  const notes: string[] = [];
  const write = async (stores: Installation) => {
    const source = await openTenant(stores, tenantId);
    if (IN_THE_DIRECTORY.has(kind)) refuseExternal(source);
    const written = await build(source, name);
    notes.push(...(written.notes ?? []));
    return { tenants: [readChange(tenantId, written, config)] };
  };
  const { failures } = await (options.dryRun ? planAndPrint : applyAndPrint)(
    config,
    write,
    THIS_ALONE,
    options,
    terminal,
  );
  printLines(terminal.stderr, notes);
  if (failures.length > 0)
    throw new OperatorError('The change was not finished. Correct the problem above and run the command again.');
}

/** The plan of a tenant with an external directory is empty: "nothing to change" would be wrong. */
function refuseExternal({ tenantId, spec }: TenantSource): void {
  if (spec.directory === 'external')
    throw new OperatorError(
      `The directory of tenant ${tenantId} is external: Tessera never writes to it. Nothing was changed. Change it in the application whose database it is.`,
    );
}
