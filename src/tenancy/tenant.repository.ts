import { LRUCache } from 'lru-cache';
import type { CachesConfig } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Clock } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { readTenant } from './read-tenant.ts';
import type { Tenant } from './tenant.ts';

/** A look-up in the cache or under way. The promise is made once: the warm path hands out the same one. */
interface Entry {
  readonly tenant: Promise<Tenant | undefined>;
  readonly readAtMs: number;
}

/** Called with a tenant's id when it changed, or without when anything may have. */
export type TenantListener = (tenantId: TenantId | undefined) => void;

/** How many unknown ids are remembered: enough against a client that asks again, too few for an attacker to fill memory with. */
const UNKNOWN_TENANTS = 1000;
/**
 * For so long. A tenant that was applied a moment ago may be known to another server already, whose tokens a verifier must not refuse because its keys were not
 * found here: that it remembers for 30 s.
 */
const UNKNOWN_MS = 100;

/**
 * The tenants' snapshots, from memory when they are there. A snapshot goes when the change follower hears of a change, and in any case at
 * its maximum age: with the control database away it serves no longer than that.
 */
export class TenantRepository {
  readonly #controlPlane: ControlPlane;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #known: LRUCache<TenantId, Entry>;
  readonly #unknown = new LRUCache<TenantId, Entry>({ max: UNKNOWN_TENANTS });
  readonly #loading = new Map<TenantId, Entry>();
  readonly #listeners: TenantListener[] = [];

  constructor(controlPlane: ControlPlane, clock: Clock, caches: Pick<CachesConfig, 'tenants' | 'tenantSeconds'>) {
    this.#controlPlane = controlPlane;
    this.#clock = clock;
    this.#maxAgeMs = caches.tenantSeconds * 1000;
    this.#known = new LRUCache({ max: caches.tenants });
  }

  /**
   * @throws TesseraError `client_not_found` for an unknown or removed tenant, `temporarily_unavailable` when the control database does not
   * answer and no snapshot is young enough
   */
  open(id: TenantId): Promise<Tenant> {
    const entry = this.#known.get(id);
    if (entry !== undefined && this.#clock.monotonicMs() - entry.readAtMs < this.#maxAgeMs)
      return entry.tenant as Promise<Tenant>;
    return this.#openCold(id);
  }

  subscribe(listener: TenantListener): void {
    this.#listeners.push(listener);
  }

  /** Forgets what is held of the tenant, or of all, and tells the subscribers. A look-up under way still answers its callers, then is forgotten. */
  invalidate(id?: TenantId): void {
    if (id === undefined) {
      this.#known.clear();
      this.#unknown.clear();
      this.#loading.clear();
    } else {
      this.#known.delete(id);
      this.#unknown.delete(id);
      this.#loading.delete(id);
    }
    for (const listener of this.#listeners) listener(id);
  }

  async #openCold(id: TenantId): Promise<Tenant> {
    const remembered = this.#unknown.get(id);
    const maxAgeMs = Math.min(this.#maxAgeMs, UNKNOWN_MS);
    const isYoung = remembered !== undefined && this.#clock.monotonicMs() - remembered.readAtMs < maxAgeMs;
    const entry = isYoung ? remembered : (this.#loading.get(id) ?? this.#load(id));
    const tenant = await entry.tenant;
    if (tenant === undefined) throw new TesseraError('client_not_found', 'unknown tenant');
    return tenant;
  }

  #load(id: TenantId): Entry {
    const entry: Entry = {
      tenant: this.#controlPlane.snapshot((manager) => readTenant(manager, id)),
      readAtMs: this.#clock.monotonicMs(),
    };
    this.#loading.set(id, entry);
    entry.tenant.then(
      (tenant) => {
        // Not the entry any more: a change was announced after the read began, so that it may be of before.
        if (this.#loading.get(id) !== entry) return;
        this.#loading.delete(id);
        (tenant === undefined ? this.#unknown : this.#known).set(id, entry);
      },
      () => {
        if (this.#loading.get(id) === entry) this.#loading.delete(id);
      },
    );
    return entry;
  }
}
