import { Inject, Injectable } from '@nestjs/common';
import type { VerificationKey } from '@tessera/token/core';
import { LRUCache } from 'lru-cache';
import { CONFIG } from '../config/config-token.ts';
import type { CachesConfig } from '../config/config.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { signingKey } from './key-ring.ts';
import { KeyRingStore } from './key-ring.store.ts';
import { LoadedKeyRing, type LoadedSigningKey } from './loaded-key-ring.ts';

/** What is needed of the TenantRepository: which tenants there are, and which one changed. */
export interface KnownTenants {
  open(id: TenantId): Promise<Tenant>;
  /** The listener gets no id when any tenant may have changed. */
  subscribe(listener: (id: TenantId | undefined) => void): void;
}

/** `vaultSeconds`: the maximum age of a ring that signs; at half of it, the ring is read again in the background. `tenants`: rings kept in memory. */
export interface KeyRingsConfig {
  readonly caches: Pick<CachesConfig, 'vaultSeconds' | 'tenants'>;
}

// A Vault that is down is asked once a second for a tenant, not once a request.
const RETRY_MS = 1_000;
// An alarm that lasts is repeated, but does not fill the log.
const ALARM_INTERVAL_MS = 60_000;

interface Entry {
  ring: LoadedKeyRing | undefined;
  /** Monotonic, when the ring was known to be what Vault has. */
  checkedAt: number;
  loading: Promise<LoadedKeyRing> | undefined;
  /** A change was announced that no finished reading has seen. */
  outdated: boolean;
  failure: { readonly error: TesseraError; readonly at: number } | undefined;
  alarm: { readonly reason: string; readonly at: number } | undefined;
}

/**
 * The key rings that this server uses, in memory, so that Vault is not on the way to a token.
 *
 * To sign, a ring must not be older than the maximum age: then 503, because a key may have been revoked meanwhile. To publish keys and to
 * verify, the last good ring serves however old it is: Vault's outage must not break those who check tokens. A ring that Vault says is
 * not there is an alarm, never a reason to make one.
 *
 * Not a SingleFlightCache, which drops a value at its maximum age and when a change is announced: a ring outlives both, to verify and to publish, a
 * change makes it be read again at once, and a failure is remembered for a second.
 */
@Injectable()
export class KeyRings {
  readonly #store: KeyRingStore;
  readonly #tenants: KnownTenants;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #maxAgeMs: number;
  readonly #entries: LRUCache<TenantId, Entry>;

  constructor(
    store: KeyRingStore,
    @Inject(TenantRepository) tenants: KnownTenants,
    clock: Clock,
    log: Log,
    @Inject(CONFIG) { caches }: KeyRingsConfig,
  ) {
    this.#store = store;
    this.#tenants = tenants;
    this.#clock = clock;
    this.#log = log;
    this.#maxAgeMs = caches.vaultSeconds * 1000;
    this.#entries = new LRUCache({ max: caches.tenants });
    // At once and not at the next use: within two seconds a revoked key has left the public set.
    tenants.subscribe((id) => {
      this.#changed(id);
    });
  }

  /** @throws TesseraError temporarily_unavailable when there is no ring that is young enough, or no key in it that signs */
  async signingKey({ id }: Tenant): Promise<LoadedSigningKey> {
    const entry = this.#entries.get(id) ?? this.#newEntry(id);
    const ring = this.#youngEnough(id, entry) ?? (await this.#load(id, entry));
    const key = ring.signingKey(this.#now());
    if (key !== undefined) return key;
    const error = unavailable('key ring', 'no key signs');
    this.#raiseAlarm(id, entry, error);
    throw error;
  }

  /**
   * The key that verifies the tenant's tokens of that kid; undefined: none does.
   *
   * @throws TesseraError client_not_found for an unknown tenant, temporarily_unavailable when its ring was never read
   */
  async verificationKey(id: TenantId, kid: string): Promise<VerificationKey | undefined> {
    return (await this.published(id)).verificationKey(kid, this.#now());
  }

  /**
   * The last good ring, for what is public of it.
   *
   * @throws TesseraError client_not_found for an unknown tenant, temporarily_unavailable when its ring was never read
   */
  async published(id: TenantId): Promise<LoadedKeyRing> {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      // Anybody may ask for any id: only a tenant gets a place, or strangers could push the tenants out.
      await this.#tenants.open(id);
      entry = this.#entries.get(id) ?? this.#newEntry(id);
    }
    if (entry.ring === undefined) return this.#load(id, entry);
    this.#refreshInTime(id, entry);
    return entry.ring;
  }

  /** For /metrics: how long the signing keys of the rings in memory have been public, seconds. */
  signingKeyAges(): { readonly id: TenantId; readonly ageSeconds: number }[] {
    const now = this.#now();
    return [...this.#entries].flatMap(([id, { ring }]) => {
      const key = ring === undefined ? undefined : signingKey(ring.ring, now);
      return key === undefined ? [] : { id, ageSeconds: now - key.publishedAt };
    });
  }

  #youngEnough(id: TenantId, entry: Entry): LoadedKeyRing | undefined {
    if (this.#age(entry) > this.#maxAgeMs) return undefined;
    this.#refreshInTime(id, entry);
    return entry.ring;
  }

  #refreshInTime(id: TenantId, entry: Entry): void {
    if (entry.outdated || this.#age(entry) > this.#maxAgeMs / 2) this.#loadBehind(id, entry);
  }

  #age(entry: Entry): number {
    return this.#clock.monotonicMs() - entry.checkedAt;
  }

  #changed(id: TenantId | undefined): void {
    // Nobody knows what changed: each ring is read again when it is used next, instead of all at once.
    if (id === undefined) for (const entry of this.#entries.values()) entry.outdated = true;
    else this.#reload(id);
  }

  #reload(id: TenantId): void {
    const entry = this.#entries.peek(id);
    if (entry === undefined) return;
    entry.outdated = true;
    entry.failure = undefined;
    this.#loadBehind(id, entry);
  }

  #newEntry(id: TenantId): Entry {
    const entry: Entry = {
      ring: undefined,
      checkedAt: Number.NEGATIVE_INFINITY,
      loading: undefined,
      outdated: false,
      failure: undefined,
      alarm: undefined,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  #loadBehind(id: TenantId, entry: Entry): void {
    // Whoever needs the result asks for it and gets the error; here it was recorded.
    this.#load(id, entry).catch(() => undefined);
  }

  #load(id: TenantId, entry: Entry): Promise<LoadedKeyRing> {
    if (entry.loading !== undefined) return entry.loading;
    const { failure } = entry;
    if (failure !== undefined && this.#clock.monotonicMs() - failure.at < RETRY_MS)
      return Promise.reject(failure.error);
    entry.loading = this.#read(id, entry).finally(() => {
      entry.loading = undefined;
      // The change came while the reading was under way: nobody knows which side of it was read.
      if (entry.outdated && entry.failure === undefined) this.#loadBehind(id, entry);
    });
    return entry.loading;
  }

  async #read(id: TenantId, entry: Entry): Promise<LoadedKeyRing> {
    entry.outdated = false;
    // The age counts from before the reading: what is read can be as old as that.
    const startedAt = this.#clock.monotonicMs();
    try {
      const { id: known } = await this.#tenants.open(id);
      const stored = await this.#store.read(known);
      if (stored === undefined) throw unavailable('key ring', 'the tenant has none');
      entry.ring = entry.ring?.isLoadedFrom(stored) === true ? entry.ring : new LoadedKeyRing(stored);
      entry.checkedAt = startedAt;
      entry.failure = undefined;
      entry.alarm = undefined;
      return entry.ring;
    } catch (cause) {
      const error =
        cause instanceof TesseraError ? cause : unavailable('key ring', 'reading failed unexpectedly', cause);
      if (error.code === 'client_not_found') {
        // Removed, or never there: nothing of it stays in memory.
        if (this.#entries.peek(id) === entry) this.#entries.delete(id);
        throw error;
      }
      entry.failure = { error, at: this.#clock.monotonicMs() };
      entry.outdated = true;
      this.#raiseAlarm(id, entry, error);
      throw error;
    }
  }

  #raiseAlarm(id: TenantId, entry: Entry, { reason }: TesseraError): void {
    const at = this.#clock.monotonicMs();
    if (entry.alarm?.reason === reason && at - entry.alarm.at < ALARM_INTERVAL_MS) return;
    entry.alarm = { reason, at };
    this.#log.error('key_ring_unusable', { tenant_id: id, reason });
  }

  #now(): number {
    return epochSeconds(this.#clock.nowMs());
  }
}
