import type { AuditRecord } from '../audit/audit-record.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { NewRevocation, RevocationRecords } from '../tenancy/revocation-records.ts';
import type { RevocationFollower } from './revocation-follower.ts';

/** Revokes from within a server. */
export class Revoker {
  readonly #records: Pick<RevocationRecords, 'add'>;
  readonly #follower: RevocationFollower;

  constructor(records: Pick<RevocationRecords, 'add'>, follower: RevocationFollower) {
    this.#records = records;
    this.#follower = follower;
  }

  /**
   * Durable when it resolves, with its audit record; in force in this process and told to its followers; within one round of theirs in all others.
   *
   * @throws TesseraError temporarily_unavailable; it may be durable then, and to repeat it does no harm
   */
  async revoke(revocation: NewRevocation, auditRecord: AuditRecord): Promise<void> {
    const [record] = await this.#records.add([revocation], auditRecord);
    await this.#follower.catchUp();
    if (record === undefined || this.#follower.sequence < record.seq)
      throw unavailable('revocations', 'recorded, but not known here yet');
  }
}
