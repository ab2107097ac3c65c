import type { ChangeTrail } from '../../audit/changes/change-trail.ts';
import type { DirectoryOpener } from '../../directory/provisioning/directory.opener.ts';
import type { KeyRingStore } from '../../keys/key-ring.store.ts';
import type { ControlPlaneWriter } from './control-plane.writer.ts';
import type { Clock } from '../../domain/clock.ts';
import type { ClientSecretStore } from '../../clients/client-secret.store.ts';

/** The four stores that hold a tenant's data. No transaction spans two of them. */
export interface Stores {
  readonly controlPlane: ControlPlaneWriter;
  readonly directories: DirectoryOpener;
  readonly keyRings: KeyRingStore;
  readonly clientSecrets: ClientSecretStore;
  readonly clock: Clock;
  /** Takes what will be changed. Its records are written with the changes. */
  readonly changes: Pick<ChangeTrail, 'note' | 'noteFailure'>;
}
