import type { Clock } from '../../domain/clock.ts';
import type { ClientSecretEntry } from '../../clients/client-secret-entry.ts';
import type { ClientName } from '../../clients/client-secret.store.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { DirectoryReader } from '../../directory/provisioning/directory.reader.ts';
import type { TenantState } from '../../provisioning/apply/control-plane.writer.ts';
import type { TableShape } from '../../database/drift/table-shape.ts';
import type { Installation } from '../installation.ts';

/** What the checks of the whole installation read. */
export interface InstallationFacts {
  readonly stores: Installation;
  /** The time of this machine. */
  readonly clock: Clock;
  /** All tenants that are not removed, or the one to examine. */
  readonly tenants: readonly TenantState[];
  /** The one tenant to examine. Undefined: all. */
  readonly only: TenantId | undefined;
  /** The secret store cannot be used, which is a finding already. */
  readonly vaultIsAway: boolean;
  /** How many servers run; undefined: as many as machines are connected to the control database. */
  readonly replicas: number | undefined;
}

/** What the checks of one tenant read: its configuration, its keys and its secrets. */
export interface TenantFacts {
  readonly stores: Installation;
  readonly clock: Clock;
  readonly state: TenantState;
  /** The secrets of a client, read once for all checks. */
  readonly secretsOf: (client: ClientName) => Promise<ClientSecretEntry>;
}

/** What the checks of one tenant's own database read. The tenant controls it: each statement limits its rows and the length of its values. */
export interface DirectoryFacts extends TenantFacts {
  readonly directory: Pick<DirectoryReader, 'query' | 'pendingMigrations' | 'relations'>;
  readonly kind: 'sqlite' | 'mysql';
  /** The tables that the migrations make. */
  readonly expected: readonly TableShape[];
}
