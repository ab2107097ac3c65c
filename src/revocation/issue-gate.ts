import { Inject, Injectable } from '@nestjs/common';
import type { TesseraClaims } from '@tessera/token';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { RevocationRecord } from './revocation-records.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { MAX_UNHEARD_MS } from './revocation-reach.ts';
import { RevocationPoller } from './revocation-poller.ts';

/** What is needed of the TenantRepository: it forgets the tenant's snapshot and notifies the caches that depend on it. */
export interface TenantCaches {
  invalidate(id: TenantId): void;
}

/**
 * Keeps a token from being made of what was read before a revocation of its subject, client, key or tenant.
 *
 * The time of a token (`iat`) is the start of its request, and a request starts only under a list of revocations that was read a moment ago. A revocation that
 * this process has not heard of is therefore younger than that, and reaches further (`revocation-reach.ts`): the token is one of those that it ends. Of a
 * revocation that was heard of, the caches know as well: what they held of its tenant was dropped before the list had it.
 */
@Injectable()
export class IssueGate {
  readonly #follower: RevocationPoller;
  readonly #caches: TenantCaches;
  readonly #clock: Clock;
  /** Tenants with revocations other than of single tokens. */
  readonly #tenants = new Set<string>();
  /** Per tenant, the last second that a revocation of it still reaches. */
  readonly #takingEffect = new Map<TenantId, number>();

  constructor(follower: RevocationPoller, @Inject(TenantRepository) caches: TenantCaches, clock: Clock) {
    this.#follower = follower;
    this.#caches = caches;
    this.#clock = clock;
    follower.onRevocations((records) => {
      this.#notice(records);
    });
  }

  /**
   * Starts the making of a token; before anything that it will rest on is looked up. Costs no promise while the list is young.
   *
   * @returns the time of the token, milliseconds since the epoch
   * @throws TesseraError temporarily_unavailable when the list cannot be read now
   */
  start(tenantId: TenantId): number | Promise<number> {
    return this.#isYoung ? this.#startAt(this.#clock.nowMs(), tenantId) : this.#startLater(tenantId);
  }

  /**
   * No token leaves that is revoked already: its caller would find out at the next service.
   *
   * @throws TesseraError temporarily_unavailable; a token that starts after the revocation's reach is good
   */
  refuseRevoked(claims: TesseraClaims, keyId: string): void {
    if (!this.#tenants.has(claims.tenant_id)) return;
    const { iss: issuer, jti: tokenId, sub: subject, client_id: clientId, iat: issuedAt, act: actor } = claims;
    const token = { issuer, tokenId, subject, clientId, keyId, issuedAt, ...(actor !== undefined && { actor }) };
    if (!this.#follower.hits(token)) return;
    throw new TesseraError('temporarily_unavailable', 'revocations: one is taking effect', {
      detail: 'A revocation is taking effect. Try again later.',
      retryAfterSeconds: this.#secondsUntilOver(claims.tenant_id as TenantId),
    });
  }

  /** Whoever asks again then gets a token that is good. */
  #secondsUntilOver(tenantId: TenantId): number {
    const nowMs = this.#clock.nowMs();
    const lastSecond = this.#takingEffect.get(tenantId) ?? 0;
    return Math.max(1, Math.ceil(lastSecond + 1 - nowMs / 1000));
  }

  get #isYoung(): boolean {
    return this.#clock.monotonicMs() - this.#follower.heardAtMs <= MAX_UNHEARD_MS;
  }

  #startAt(nowMs: number, tenantId: TenantId): number {
    const lastSecond = this.#takingEffect.get(tenantId);
    // What was read in that time may be of before a change that belongs to the revocation, as when `apply` removes a user from a directory.
    if (lastSecond !== undefined && epochSeconds(nowMs) > lastSecond) {
      this.#takingEffect.delete(tenantId);
      this.#caches.invalidate(tenantId);
    }
    return nowMs;
  }

  async #startLater(tenantId: TenantId): Promise<number> {
    const arrivedAtMs = this.#clock.monotonicMs();
    const isKnown = () => this.#isYoung || this.#follower.heardAtMs >= arrivedAtMs;
    await this.#follower.poll();
    // The round that was under way may have begun long ago.
    if (!isKnown()) await this.#follower.poll();
    if (!isKnown()) throw unavailable('revocations', 'the list cannot be read now');
    const ageMs = this.#clock.monotonicMs() - this.#follower.heardAtMs;
    // The answer of a slow database is old when it comes. The token is then of the time of the question: what was revoked later reaches further.
    return this.#startAt(this.#clock.nowMs() - (this.#isYoung ? 0 : ageMs), tenantId);
  }

  #notice(records: readonly RevocationRecord[]): void {
    const now = epochSeconds(this.#clock.nowMs());
    const tenants = new Set<TenantId>();
    for (const { tenantId, kind, before, client } of records) {
      if (kind === 'token') continue;
      this.#tenants.add(tenantId);
      // Stands for single tokens that the client revoked: nothing that is in memory has changed, and a client must not be able to have it dropped.
      if (client !== undefined) continue;
      tenants.add(tenantId);
      if (before !== undefined && before >= now)
        this.#takingEffect.set(tenantId, Math.max(before, this.#takingEffect.get(tenantId) ?? 0));
    }
    for (const tenantId of tenants) this.#caches.invalidate(tenantId);
  }
}
