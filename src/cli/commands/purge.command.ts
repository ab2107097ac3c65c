import type { Command } from 'commander';
import type { RecordedChange } from '../../audit/changes/change-subjects.ts';
import type { IntendedChanges } from '../../audit/changes/change-trail.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { withApplyLock } from '../../control-plane/apply-lock.ts';
import type { AssertHeld } from '../../control-plane/write-fence.ts';
import type { TenantState } from '../../provisioning/apply/control-plane.writer.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { TenantId } from '../../domain/ids.ts';
import {
  clientSecretPath,
  databaseCredentialsPath,
  digestKeyPath,
  keyRingPath,
  tenantSecretsFolder,
  type VaultPath,
} from '../../vault/vault-path.ts';
import { type Installation, withReadOnly, withWritable } from '../installation.ts';
import { outputOption } from '../options.ts';
import { type OutputFormat, printJson, printLines, type Terminal } from '../terminal.ts';

interface PurgeOptions {
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly output: OutputFormat;
}

/** Data of removed tenants and clients that is still stored. */
interface Leftovers {
  readonly tenants: readonly TenantId[];
  /** Secrets of removed clients of existing tenants. */
  readonly secrets: readonly LeftSecret[];
}

interface LeftSecret {
  readonly tenantId: TenantId;
  readonly path: VaultPath;
}

export function addPurge(program: Command, terminal: Terminal): void {
  program
    .command('purge')
    .summary('destroy what removed tenants and clients left behind')
    .description(
      `Destroys what \`tessera apply --prune\` left: keys, secrets, database credentials and embedded directories of removed tenants, and secrets of removed clients. This cannot be undone. Databases on a server are not touched: their operator drops them. Audit records stay.`,
    )
    .option('--dry-run', 'show what would be destroyed, and destroy nothing', false)
    .option('--yes', 'destroy it', false)
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  $ tessera purge --dry-run\n  $ tessera purge --yes')
    .action((options: PurgeOptions) => runPurge(options, terminal));
}

async function runPurge(options: PurgeOptions, terminal: Terminal): Promise<void> {
  const config = terminal.loadConfig();
  if (options.dryRun || !options.yes) {
    const found = await withReadOnly(config, findLeftovers);
    print(found, options.output, 'to destroy', terminal);
    if (!options.dryRun && found.tenants.length + found.secrets.length > 0)
      throw new OperatorError(
        'Nothing was destroyed. This cannot be undone. To destroy all of it, run: tessera purge --yes',
      );
    return;
  }
  await withApplyLock(config, async (assertHeld, fence) => {
    const found = await withReadOnly(config, findLeftovers);
    if (found.tenants.length + found.secrets.length > 0)
      await withWritable(config, terminal, intendedBy(found), (stores) => destroy(found, stores, assertHeld), fence);
    print(found, options.output, 'destroyed', terminal);
  });
}

async function findLeftovers({ controlPlane, vault }: Installation): Promise<Leftovers> {
  const tombstones = await controlPlane.readTombstones();
  const secrets: LeftSecret[] = [];
  for (const { tenant } of await controlPlane.readTenants()) {
    const known = secretPathsOf(tenant);
    const left = (await vault.list(tenantSecretsFolder(tenant.id))).filter((path) => !known.has(path));
    secrets.push(...left.map((path) => ({ tenantId: tenant.id, path })));
  }
  return { tenants: tombstones.map(({ tenantId }) => tenantId), secrets };
}

function secretPathsOf({ id, projects }: TenantState['tenant']): ReadonlySet<VaultPath> {
  return new Set(
    [...projects.values()].flatMap((project) =>
      [...project.clients.keys()].map((clientId) => clientSecretPath(id, project.id, clientId)),
    ),
  );
}

function intendedBy({ tenants, secrets }: Leftovers): IntendedChanges[] {
  return [
    ...tenants.map((id) => ({ tenantId: id, changes: [removalOf(id)] })),
    ...secretsByTenant(secrets).map(([tenantId, changes]) => ({ tenantId, changes })),
  ];
}

function removalOf(id: TenantId): RecordedChange {
  return { action: 'remove', kind: 'removed tenant', id };
}

function secretsByTenant(secrets: readonly LeftSecret[]): [TenantId, RecordedChange[]][] {
  const changes = new Map<TenantId, RecordedChange[]>();
  for (const { tenantId, path } of secrets) {
    const change = { action: 'remove', kind: 'secret', id: path.slice(path.indexOf('/') + 1) } as const;
    changes.set(tenantId, [...(changes.get(tenantId) ?? []), change]);
  }
  return [...changes];
}

/** The tombstone is removed last: if purge is killed before that, the next purge finds the tenant again. */
async function destroy({ tenants, secrets }: Leftovers, stores: Installation, assertHeld: AssertHeld): Promise<void> {
  const { vault, directories, controlPlane, changes } = stores;
  for (const { path } of secrets) {
    await assertHeld();
    await vault.destroy(path);
  }
  for (const [tenantId, removed] of secretsByTenant(secrets)) changes.note(tenantId, removed);
  for (const id of tenants) {
    await assertHeld();
    for (const path of await vault.list(tenantSecretsFolder(id))) await vault.destroy(path);
    await vault.destroy(keyRingPath(id));
    await vault.destroy(databaseCredentialsPath(id));
    await vault.destroy(digestKeyPath(id));
    const embedded: Pick<Tenant, 'id' | 'database'> = { id, database: { driver: 'sqlite' } };
    await directories.destroy(embedded);
    changes.note(id, [removalOf(id)]);
    await controlPlane.forgetTenant(id);
  }
}

function print({ tenants, secrets }: Leftovers, output: OutputFormat, what: string, { stdout }: Terminal): void {
  if (output === 'json') printJson(stdout, { tenants, secrets: secrets.map(({ path }) => path) });
  else if (tenants.length + secrets.length === 0) printLines(stdout, ['Nothing is left to purge.']);
  else
    printLines(stdout, [
      ...tenants.map((id) => `${what}: tenant ${id}`),
      ...secrets.map(({ path }) => `${what}: ${path}, of a removed client`),
    ]);
}
