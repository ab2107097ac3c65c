import { Inject, Injectable } from '@nestjs/common';
import type { VerifiedToken } from '@tessera/token/core';
import type { AuditRecord } from '../audit/audit-record.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { epochSeconds } from '../domain/clock.ts';
import { ClientRevocations } from './client-revocations.ts';
import type { ClientId, ProjectId } from '../domain/ids.ts';
import { revocationOfAll, revocationsOfToken } from './new-revocations.ts';
import { RevocationPoller } from './revocation-poller.ts';

/**
 * How long after a revocation tokens of its chain may still be issued: by a server that has not read it yet, with a list and a clock of some age
 * (revocation-reach.ts), and after a commit that took as long as one may. Until then an exchange of the root is answered with 503.
 */
const CHAIN_REACH_SECONDS = 5;

/** The client that revokes one of its tokens. */
export interface RevokingClient {
  readonly projectId: ProjectId;
  readonly id: ClientId;
  /** Whether no other project of the tenant has a client with this id: tokens do not name their client's project. */
  readonly isOnlyOneOfItsName: boolean;
  /** See `mayExchange`. */
  readonly isTokenExchangeable: boolean;
}

/** Revokes a token within a server. */
@Injectable()
export class Revoker {
  readonly #revocations: Pick<ClientRevocations, 'add'>;
  readonly #poller: RevocationPoller;

  constructor(@Inject(ClientRevocations) revocations: Pick<ClientRevocations, 'add'>, poller: RevocationPoller) {
    this.#revocations = revocations;
    this.#poller = poller;
  }

  /**
   * When it resolves, the revocation and its audit record are durable, and it is in force in this process and served to its pollers. Other processes
   * apply it after their next poll. If a client revokes very many tokens, further tokens of it are revoked as well.
   *
   * @throws TesseraError too_many_requests; temporarily_unavailable: the revocation may be durable then, and repeating it is harmless
   */
  async revoke(token: VerifiedToken, client: RevokingClient, auditRecord: AuditRecord): Promise<void> {
    const before = epochSeconds(auditRecord.at) + CHAIN_REACH_SECONDS;
    const [revocation, ...ofChain] = revocationsOfToken(token, before, client.isTokenExchangeable);
    const { tenantId } = revocation;
    const { lastSeq } = await this.#revocations.add(
      {
        revocation,
        ofChain,
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
    await this.#poller.catchUp();
    if (this.#poller.sequence < lastSeq) throw unavailable('revocations', 'recorded, but not known here yet');
  }
}
