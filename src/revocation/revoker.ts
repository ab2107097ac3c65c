import type { NewRevocation, RevocationRecords } from '../tenancy/revocation-records.ts';
import type { RevocationFollower } from './revocation-follower.ts';

/** Revokes from within a server. */
export class Revoker {
  readonly #records: RevocationRecords;
  readonly #follower: RevocationFollower;

  constructor(records: RevocationRecords, follower: RevocationFollower) {
    this.#records = records;
    this.#follower = follower;
  }

  /**
   * Durable when it resolves, in force in this process and told to its followers; within one round of theirs in all others.
   *
   * @throws TesseraError temporarily_unavailable
   */
  async revoke(revocation: NewRevocation): Promise<void> {
    await this.#records.add([revocation]);
    await this.#follower.catchUp();
  }
}
