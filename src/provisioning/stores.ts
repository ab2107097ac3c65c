import type { DirectoryOpener } from '../directory/directory.opener.ts';
import type { KeyRingStore } from '../issuing/key-ring.store.ts';
import type { ControlPlaneWriter } from '../tenancy/control-plane.writer.ts';
import type { Clock } from '../vocabulary/clock.ts';
import type { ClientSecretStore } from './client-secret.store.ts';

/** Where a tenant lives: four places, each with its own idea of a transaction. */
export interface Stores {
  readonly controlPlane: ControlPlaneWriter;
  readonly directories: DirectoryOpener;
  readonly keyRings: KeyRingStore;
  readonly clientSecrets: ClientSecretStore;
  readonly clock: Clock;
}
