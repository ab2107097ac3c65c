import { Inject, Injectable } from '@nestjs/common';
import type { TesseraClaims } from '@tessera/token';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { RevocationRecord } from './revocation-records.ts';
import type { Awaitable } from '../runtime/awaitable.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { MAX_LIST_AGE_MS } from './revocation-reach.ts';
import { RevocationPoller } from './revocation-poller.ts';

/** The part of TenantRepository that is used here: it drops the tenant's snapshot and notifies the caches that depend on it. */
export interface TenantCaches {
  invalidate(id: TenantId): void;
}

/**
 * Prevents tokens from being built from data that was read before a revocation of their subject, client, key or tenant.
 *
 * A token's `iat` is the start of its request, and a request starts only if the list of revocations was read recently. A revocation that this process
 * has not read yet is newer than that reading, and its reach (`revocation-reach.ts`) extends beyond the token's `iat`, so it revokes the token. For a
 * revocation that was read, the cached data of its tenant was dropped before the list got the entry.
 */
@Injectable()
export class IssueGate {
  readonly #poller: RevocationPoller;
  readonly #caches: TenantCaches;
  readonly #clock: Clock;
  /** Tenants with revocations of more than single tokens. */
  readonly #tenants = new Set<string>();
  /** Per tenant, the last second within the reach of a revocation. */
  readonly #takingEffect = new Map<TenantId, number>();

  constructor(poller: RevocationPoller, @Inject(TenantRepository) caches: TenantCaches, clock: Clock) {
    this.#poller = poller;
    this.#caches = caches;
    this.#clock = clock;
    poller.onRevocations((records) => {
      this.#notice(records);
    });
  }

  /**
   * Starts issuing a token. Call this before looking up any data for the token. Makes no promise while the list is recent.
   *
   * @returns the token's issue time, milliseconds since the epoch
   * @throws TesseraError temporarily_unavailable if the list cannot be read now
   */
  start(tenantId: TenantId): Awaitable<number> {
    return this.#isRecent ? this.#startAt(this.#clock.nowMs(), tenantId) : this.#startLater(tenantId);
  }

  /**
   * Refuses to release a token that is revoked already; the next service would reject it.
   *
   * @throws TesseraError temporarily_unavailable; a token that starts after the revocation's reach is valid
   */
  refuseRevoked(claims: TesseraClaims, keyId: string): void {
    if (!this.#tenants.has(claims.tenant_id)) return;
    const { iss: issuer, jti: tokenId, sub: subject, client_id: clientId, iat: issuedAt, act: actor, root } = claims;
    const ofExchange = { ...(actor !== undefined && { actor }), ...(root !== undefined && { root }) };
    const token = { issuer, tokenId, subject, clientId, keyId, issuedAt, ...ofExchange };
    if (!this.#poller.hits(token)) return;
    throw new TesseraError('temporarily_unavailable', 'revocations: one is taking effect', {
      detail: 'A revocation is taking effect. Try again later.',
      retryAfterSeconds: this.#secondsUntilOver(claims.tenant_id as TenantId),
    });
  }

  /** For `Retry-After`: a retry after this time gets a valid token. */
  #secondsUntilOver(tenantId: TenantId): number {
    const nowMs = this.#clock.nowMs();
    const lastSecond = this.#takingEffect.get(tenantId) ?? 0;
    return Math.max(1, Math.ceil(lastSecond + 1 - nowMs / 1000));
  }

  get #isRecent(): boolean {
    return this.#clock.monotonicMs() - this.#poller.currentAsOfMs <= MAX_LIST_AGE_MS;
  }

  #startAt(nowMs: number, tenantId: TenantId): number {
    const lastSecond = this.#takingEffect.get(tenantId);
    // Data read within the reach may be older than the change that belongs to the revocation, as when `apply` removes a user from a directory.
    if (lastSecond !== undefined && epochSeconds(nowMs) > lastSecond) {
      this.#takingEffect.delete(tenantId);
      this.#caches.invalidate(tenantId);
    }
    return nowMs;
  }

  async #startLater(tenantId: TenantId): Promise<number> {
    const arrivedAtMs = this.#clock.monotonicMs();
    const isKnown = () => this.#isRecent || this.#poller.currentAsOfMs >= arrivedAtMs;
    await this.#poller.poll();
    // The poll that was running may have started long ago.
    if (!isKnown()) await this.#poller.poll();
    if (!isKnown()) throw unavailable('revocations', 'the list cannot be read now');
    const ageMs = this.#clock.monotonicMs() - this.#poller.currentAsOfMs;
    // The answer of a slow database is old when it comes. The token then gets the time of the query: the reach of later revocations covers it.
    return this.#startAt(this.#clock.nowMs() - (this.#isRecent ? 0 : ageMs), tenantId);
  }

  #notice(records: readonly RevocationRecord[]): void {
    const now = epochSeconds(this.#clock.nowMs());
    const tenants = new Set<TenantId>();
    for (const { tenantId, kind, before, client } of records) {
      if (kind === 'token') continue;
      this.#tenants.add(tenantId);
      // Nothing that a token is built from has changed, but for the token that is exchanged, which is verified in each request.
      if (kind === 'chain') continue;
      // This entry replaces revocations of single tokens by their client. No cached data has changed, and a client must not be able to clear caches.
      if (client !== undefined) continue;
      tenants.add(tenantId);
      if (before !== undefined && before >= now)
        this.#takingEffect.set(tenantId, Math.max(before, this.#takingEffect.get(tenantId) ?? 0));
    }
    for (const tenantId of tenants) this.#caches.invalidate(tenantId);
  }
}
