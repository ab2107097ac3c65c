import { ChangeTrail, type IntendedChanges } from '../audit/changes/change-trail.ts';
import type { Config } from '../config/config.ts';
import { DirectoryOpener } from '../directory/provisioning/directory.opener.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { KeyRingStore } from '../keys/key-ring.store.ts';
import { SecondOpinion } from '../keys/second-opinion.ts';
import { Log } from '../logging/log.ts';
import { ClientSecretStore } from '../clients/client-secret.store.ts';
import { printable } from '../provisioning/file/source-node.ts';
import type { Stores } from '../provisioning/apply/stores.ts';
import { ControlPlane, createControlPlane } from '../control-plane/control-plane.ts';
import { NO_FENCE, type WriteFence } from '../control-plane/write-fence.ts';
import { CONTROL_PLANE_SCHEMA } from '../control-plane/control-plane.schema.ts';
import { ControlPlaneWriter, type TenantState } from '../provisioning/apply/control-plane.writer.ts';
import { createVault } from '../vault/create-vault.ts';
import type { VaultService } from '../vault/vault.service.ts';
import { parseTenantId, type TenantId } from '../domain/ids.ts';
import { SystemClock } from '../domain/clock.ts';
import { operatorOf } from './operator.ts';
import type { Terminal } from './terminal.ts';

/** The stores of one installation. All commands open them here. */
export interface Installation extends Stores {
  readonly config: Config;
  readonly vault: VaultService;
  /** The control database that `controlPlane` writes to. */
  readonly database: ControlPlane;
}

/** Commands print their errors themselves. */
export const SILENT = new Log('silent', { write: () => undefined });

/** For read-only commands and dry runs. No file of the data directory changes, not even its time stamp. */
export async function withReadOnly<T>(config: Config, work: (installation: Installation) => Promise<T>): Promise<T> {
  return withStores(config, await ControlPlane.forReading(config, SILENT), work);
}

/** Like `withReadOnly`, but with the schema that the control database has: for a command that examines it. */
export async function withUnchanged<T>(config: Config, work: (installation: Installation) => Promise<T>): Promise<T> {
  return withStores(config, await ControlPlane.unchanged(config, SILENT), work);
}

/** For read-only commands about rows that are too many to copy: the control database is read where it is. */
export async function withLive<T>(config: Config, work: (installation: Installation) => Promise<T>): Promise<T> {
  return withStores(config, ControlPlane.live(config, SILENT), work);
}

/**
 * For commands that change something. Those that change databases hold the apply lock. Each leaves records in the audit: one before it begins, and one
 * for what it changed.
 *
 * @param intended what the command is about to do to each tenant, as far as it is known
 * @param fence of the apply lock, for a command that holds it
 */
export function withWritable<T>(
  config: Config,
  { command = 'unknown' }: Pick<Terminal, 'command'>,
  intended: readonly IntendedChanges[],
  work: (installation: Installation) => Promise<T>,
  fence: WriteFence = NO_FENCE,
): Promise<T> {
  const controlPlane = createControlPlane(config, SILENT);
  const trail = new ChangeTrail(controlPlane, new SystemClock(), operatorOf(command));
  return withStores(
    config,
    controlPlane,
    async (stores) => {
      await trail.start(intended);
      try {
        const result = await work(stores);
        await trail.finish();
        return result;
      } catch (error) {
        await trail.fail(error);
        throw error;
      }
    },
    trail,
    fence,
  );
}

/** For migrations, which make the table of the records. Whoever migrates records it afterwards. */
export function withSchema<T>(config: Config, work: (installation: Installation) => Promise<T>): Promise<T> {
  return withStores(config, createControlPlane(config, SILENT), work);
}

/** What has no record: it changes nothing. */
const READ_ONLY: Pick<ChangeTrail, 'note' | 'noteFailure' | 'insertInto'> = Object.freeze({
  note: () => undefined,
  noteFailure: () => undefined,
  insertInto: () => Promise.reject(new Error('a command that only reads was about to change something')),
});

async function withStores<T>(
  config: Config,
  database: ControlPlane,
  work: (installation: Installation) => Promise<T>,
  changes: Pick<ChangeTrail, 'note' | 'noteFailure' | 'insertInto'> = READ_ONLY,
  fence: WriteFence = NO_FENCE,
): Promise<T> {
  const clock = new SystemClock();
  const vault = createVault(config, clock, SILENT);
  try {
    return await work({
      config,
      clock,
      vault,
      database,
      changes,
      controlPlane: new ControlPlaneWriter(database, changes, fence),
      directories: new DirectoryOpener(config, vault),
      keyRings: new KeyRingStore(vault, SecondOpinion.standalone()),
      clientSecrets: new ClientSecretStore(vault, clock),
    });
  } finally {
    await Promise.allSettled([database.close(), vault.close()]);
  }
}

/** Whether there is no control database yet, or nothing of Tessera in it. */
export function isNewControlDatabase(pending: readonly string[]): boolean {
  return pending.length === CONTROL_PLANE_SCHEMA.migrations.length;
}

/** The pending migrations of the control database. Read-only. */
export async function pendingControlMigrations(config: Config): Promise<string[]> {
  const controlPlane = await ControlPlane.unchanged(config, SILENT);
  try {
    return await controlPlane.pendingMigrations();
  } finally {
    await controlPlane.close();
  }
}

/** Notifies the running servers of a tenant's change in Vault. Without this, they would notice it later. */
export async function announce(
  { controlPlane, config }: Installation,
  tenantId: TenantId,
  done: string,
): Promise<void> {
  try {
    await controlPlane.touchTenant(tenantId);
  } catch (error) {
    throw new OperatorError(
      `${done}, but the running servers could not be notified: they will notice within ${config.caches.vaultSeconds} s. Do not repeat the command.`,
      { cause: error },
    );
  }
}

/** Tenants that are named when another one was asked for. */
const SHOWN_TENANTS = 10;

/** @throws OperatorError if there is no such tenant */
export async function findTenant({ controlPlane }: Installation, id: string): Promise<TenantState> {
  const tenantId = parseTenantId(id);
  const state = tenantId && (await controlPlane.readTenant(tenantId));
  if (state !== undefined) return state;
  const ids = await controlPlane.readTenantIds(SHOWN_TENANTS + 1);
  const known = ids.slice(0, SHOWN_TENANTS);
  throw new OperatorError(
    known.length === 0
      ? 'There is no tenant yet: make one with `tessera apply -f FILE`.'
      : `There is no tenant "${printable(id)}": use one of ${known.join(', ')}${ids.length > known.length ? ', …' : ''}, or make it with \`tessera apply -f FILE\`.`,
  );
}
