import type { DirectoryOpener } from '../../directory/provisioning/directory.opener.ts';
import type { KeyRingStore } from '../../keys/key-ring.store.ts';
import type { ControlPlaneWriter } from './control-plane.writer.ts';
import type { Clock } from '../../domain/clock.ts';
import type { ClientSecretStore } from '../../clients/client-secret.store.ts';

/** Where a tenant lives: four places, each with its own idea of a transaction. */
export interface Stores {
  readonly controlPlane: ControlPlaneWriter;
  readonly directories: DirectoryOpener;
  readonly keyRings: KeyRingStore;
  readonly clientSecrets: ClientSecretStore;
  readonly clock: Clock;
}
