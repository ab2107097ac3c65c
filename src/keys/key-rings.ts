import { Inject, Injectable } from '@nestjs/common';
import { LastGoodValue, type Reading, type ValueSource, type VerificationKey } from '@tessera/token/core';
import { LRUCache } from 'lru-cache';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { andThen, type Awaitable } from '../runtime/awaitable.ts';
import { within } from '../runtime/deadline.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { signingKey } from './key-ring.ts';
import { KeyRingStore } from './key-ring.store.ts';
import { LoadedKeyRing, type LoadedSigningKey } from './loaded-key-ring.ts';

/** The part of TenantRepository that is used here: which tenants exist, and which one changed. */
export interface KnownTenants {
  open(id: TenantId): Awaitable<Tenant>;
  /** The listener gets no id if any tenant may have changed. */
  subscribe(listener: (id: TenantId | undefined) => void): void;
}

/** `vaultSeconds`: the maximum age of a ring that signs; at half of it, the ring is read again in the background. `tenants`: rings kept in memory. */
export interface KeyRingsConfig {
  readonly caches: Pick<CachesConfig, 'vaultSeconds' | 'tenants'>;
}

// While Vault is down, it is asked once a second per tenant, not once per request.
const RETRY_MS = 1_000;
/** How long public keys wait for a secret store that does not answer. Then the last ones are shown. */
const CURRENT_WITHIN_MS = 300;
/**
 * With thousands of tenants, as many rings are due at once, by their age or after `keys rotate --all`. If all were read at once, neither Vault nor the
 * control database would answer in time, to requests either.
 */
const REREAD_AT_ONCE = 8;
// A lasting alarm is repeated, but does not fill the log.
const ALARM_INTERVAL_MS = 60_000;

type RingReading = Reading<LoadedKeyRing, TesseraError>;

interface Entry {
  readonly ring: LastGoodValue<LoadedKeyRing, TesseraError>;
  alarm: { readonly reason: string; readonly at: number } | undefined;
}

/**
 * Caches the key rings in memory, so that issuing a token does not wait for Vault.
 *
 * For signing, a ring beyond the maximum age is refused with 503, because a key may have been revoked. For publishing keys and verifying, the last
 * good ring is used at any age: an outage of Vault must not break verifiers. A missing ring is an alarm, never a reason to make one.
 *
 * Not a SingleFlightCache, which drops a value at its maximum age and when a change is announced: a ring outlives both.
 */
@Injectable()
export class KeyRings {
  readonly #store: KeyRingStore;
  readonly #tenants: KnownTenants;
  readonly #clock: Clock;
  readonly #log: Log;
  /** What all rings have in common. */
  readonly #rules: Omit<ValueSource<LoadedKeyRing, TesseraError>, 'read'>;
  readonly #entries: LRUCache<TenantId, Entry>;
  /** Changed rings that wait to be read again. */
  readonly #changed = new Set<Entry['ring']>();
  #rereading = 0;

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
    const maxAgeMs = caches.vaultSeconds * 1000;
    this.#rules = {
      ages: { refreshAfterMs: maxAgeMs / 2, maxAgeMs, staleMs: maxAgeMs },
      pauseMs: () => RETRY_MS,
      nowMs: () => clock.monotonicMs(),
    };
    this.#entries = new LRUCache({ max: caches.tenants });
    tenants.subscribe((id) => {
      this.#noteChange(id);
    });
  }

  /** @throws TesseraError temporarily_unavailable if there is no ring that is recent enough, or no key in it that signs */
  signingKey({ id }: Tenant): Awaitable<LoadedSigningKey> {
    const entry = this.#entries.get(id) ?? this.#newEntry(id);
    return andThen(this.#youngEnough(entry) ?? load(entry), (ring) => {
      const key = ring.signingKey(this.#now());
      if (key !== undefined) return key;
      const error = unavailable('key ring', 'no key signs');
      this.#raiseAlarm(id, entry, error);
      throw error;
    });
  }

  /**
   * The tenant's verification key with that kid; undefined if there is none.
   *
   * @throws TesseraError client_not_found for an unknown tenant, temporarily_unavailable if its ring was never read
   */
  async verificationKey(id: TenantId, kid: string): Promise<VerificationKey | undefined> {
    return (await this.published(id)).verificationKey(kid, this.#now());
  }

  /**
   * The last good ring, for its public keys.
   *
   * @throws TesseraError client_not_found for an unknown tenant, temporarily_unavailable if its ring was never read
   */
  async published(id: TenantId): Promise<LoadedKeyRing> {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      // Anyone may request any id. Only existing tenants get an entry, so that strangers cannot evict tenants.
      await this.#tenants.open(id);
      entry = this.#entries.get(id) ?? this.#newEntry(id);
    }
    const { ring } = entry;
    const { last } = ring;
    if (last === undefined) return load(entry);
    const now = this.#clock.monotonicMs();
    if (ring.isCurrent(now) || ring.isFailing) {
      this.#refreshInTime(ring, now);
      return last;
    }
    // Nobody has used it for a while. What it was then is not shown once more while Vault can say what it is now.
    const reading = await within<RingReading | undefined>(CURRENT_WITHIN_MS, ring.read(), () => undefined);
    if (reading?.kind === 'gone') throw reading.failure;
    return reading?.kind === 'read' ? reading.value : last;
  }

  /** For /metrics: how long the signing keys in memory have been public, seconds. */
  signingKeyAges(): { readonly id: TenantId; readonly ageSeconds: number }[] {
    const now = this.#now();
    return [...this.#entries].flatMap(([id, { ring }]) => {
      const key = ring.last && signingKey(ring.last.ring, now);
      return key === undefined ? [] : { id, ageSeconds: now - key.publishedAt };
    });
  }

  #youngEnough({ ring }: Entry): LoadedKeyRing | undefined {
    const now = this.#clock.monotonicMs();
    const usable = ring.usable(now);
    if (usable !== undefined) this.#refreshInTime(ring, now);
    return usable;
  }

  /** In the background, unless that is busy: then at a later use. A ring that is too old is read by the request that needs it. */
  #refreshInTime(ring: Entry['ring'], nowMs: number): void {
    if (this.#rereading < REREAD_AT_ONCE && ring.isDue(nowMs)) this.#reread(ring.read());
  }

  #noteChange(id: TenantId | undefined): void {
    // It is unknown what changed. Each ring is read again at its next use.
    if (id === undefined) {
      for (const { ring } of this.#entries.values()) ring.markOutdated();
      return;
    }
    const ring = this.#entries.peek(id)?.ring;
    if (ring === undefined) return;
    ring.markOutdated();
    // Read at once, not at the next use, so that a revoked key leaves the public set within two seconds.
    this.#changed.add(ring);
    this.#readChanged();
  }

  #readChanged(): void {
    for (const ring of this.#changed) {
      if (this.#rereading === REREAD_AT_ONCE) return;
      this.#changed.delete(ring);
      this.#reread(ring.readIfOutdated(), ring);
    }
  }

  /** @param changed a ring that was announced as changed: it is read until that succeeds, because nobody may use it for long */
  #reread(reading: Promise<unknown>, changed?: Entry['ring']): void {
    this.#rereading += 1;
    void reading.then(() => {
      this.#rereading -= 1;
      if (changed?.isFailing === true) this.#readLater(changed);
      this.#readChanged();
    });
  }

  #readLater(ring: Entry['ring']): void {
    setTimeout(() => {
      // A use of the ring may have read it meanwhile.
      if (!ring.isFailing) return;
      this.#changed.add(ring);
      this.#readChanged();
    }, RETRY_MS).unref();
  }

  #newEntry(id: TenantId): Entry {
    const { ages, pauseMs, nowMs } = this.#rules;
    const entry: Entry = {
      // Written out: copied by `...`, each would have a shape of its own, which takes 240 bytes.
      ring: new LastGoodValue({ ages, pauseMs, nowMs, read: () => this.#read(id, entry) }),
      alarm: undefined,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  async #read(id: TenantId, entry: Entry): Promise<RingReading> {
    try {
      const { id: known } = await this.#tenants.open(id);
      const stored = await this.#store.read(known);
      if (stored === undefined) throw unavailable('key ring', 'the tenant has none');
      const { last } = entry.ring;
      const value = last?.isLoadedFrom(stored) === true ? last : new LoadedKeyRing(stored, this.#now());
      entry.alarm = undefined;
      return { kind: 'read', value };
    } catch (cause) {
      const failure =
        cause instanceof TesseraError ? cause : unavailable('key ring', 'reading failed unexpectedly', cause);
      if (failure.code === 'client_not_found') {
        // The tenant was removed or never existed: keep nothing of it.
        if (this.#entries.peek(id) === entry) this.#entries.delete(id);
        return { kind: 'gone', failure };
      }
      // Signing again after an outage does not wait until half the maximum age.
      entry.ring.markOutdated();
      this.#raiseAlarm(id, entry, failure);
      return { kind: 'failed', failure };
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

async function load({ ring }: Entry): Promise<LoadedKeyRing> {
  const reading = await ring.readUnlessPausing();
  if (reading.kind !== 'read') throw reading.failure;
  return reading.value;
}
