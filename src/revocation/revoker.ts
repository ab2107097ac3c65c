import { Inject, Injectable } from '@nestjs/common';
import type { VerifiedToken } from '@tessera/token/core';
import type { AuditRecord } from '../audit/audit-record.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { ClientRevocations } from './client-revocations.ts';
import type { ClientId, ProjectId } from '../domain/ids.ts';
import { revocationOfAll, revocationOfToken } from './new-revocations.ts';
import { RevocationPoller } from './revocation-poller.ts';

/** The client that revokes one of its tokens. */
export interface RevokingClient {
  readonly projectId: ProjectId;
  readonly id: ClientId;
  /** No other project of the tenant has a client of that id: tokens do not name their client's project apart. */
  readonly isOnlyOneOfItsName: boolean;
}

/** Revokes from within a server. */
@Injectable()
export class Revoker {
  readonly #revocations: Pick<ClientRevocations, 'add'>;
  readonly #follower: RevocationPoller;

  constructor(@Inject(ClientRevocations) revocations: Pick<ClientRevocations, 'add'>, follower: RevocationPoller) {
    this.#revocations = revocations;
    this.#follower = follower;
  }

  /**
   * Durable when it resolves, with its audit record; in force in this process and told to its followers; within one round of theirs in all others.
   * A client that revokes very many ends others of its tokens with it.
   *
   * @throws TesseraError too_many_requests; temporarily_unavailable: it may be durable then, and to repeat it does no harm
   */
  async revoke(token: VerifiedToken, client: RevokingClient, auditRecord: AuditRecord): Promise<void> {
    const revocation = revocationOfToken(token);
    const { tenantId } = revocation;
    const { seq } = await this.#revocations.add(
      {
        revocation,
        projectId: client.projectId,
        clientId: client.id,
        issuedAt: token.issuedAt,
        ofAllUntil: client.isOnlyOneOfItsName
          ? (before) => revocationOfAll(tenantId, 'client', client.id, before)
          : undefined,
      },
      auditRecord,
      auditRecord.at,
    );
    await this.#follower.catchUp();
    if (this.#follower.sequence < seq) throw unavailable('revocations', 'recorded, but not known here yet');
  }
}
