import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { Clock } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { type Awaitable, isLater } from '../runtime/awaitable.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { readTenant } from './read-tenant.ts';
import type { Tenant } from './tenant.ts';

/** Called with a tenant's id when it changed, or without an id when any tenant may have changed. */
export type TenantListener = (tenantId: TenantId | undefined) => void;

/** How many unknown ids are remembered: enough for clients that ask again, too few to let an attacker fill memory. */
const UNKNOWN_TENANTS = 1000;
/**
 * How long an unknown id is remembered. Another server may know a new tenant already and issue tokens. If a verifier then did not find its keys here,
 * it would remember that for 30 s.
 */
const UNKNOWN_MS = 100;

/**
 * Reads tenants, with a cache of snapshots. A snapshot is dropped when the change poller announces a change, and at its maximum age in any case, also
 * while the control database is away.
 */
@Injectable()
export class TenantRepository {
  readonly #controlPlane: ControlPlane;
  readonly #tenants: SingleFlightCache<TenantId, Tenant | undefined>;
  readonly #listeners: TenantListener[] = [];

  constructor(
    controlPlane: ControlPlane,
    clock: Clock,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'tenants' | 'tenantSeconds'> },
  ) {
    this.#controlPlane = controlPlane;
    this.#tenants = new SingleFlightCache({
      clock,
      maxAgeMs: caches.tenantSeconds * 1000,
      maxEntries: caches.tenants,
      absent: { maxEntries: UNKNOWN_TENANTS, maxAgeMs: UNKNOWN_MS },
    });
  }

  /**
   * @throws TesseraError `client_not_found` for an unknown or removed tenant, `temporarily_unavailable` if the control database does not answer and
   * no snapshot is recent enough. The error always comes later
   */
  open(id: TenantId): Awaitable<Tenant> {
    const tenant = this.#tenants.get(id, () => this.#controlPlane.snapshot((manager) => readTenant(manager, id)));
    if (isLater(tenant)) return tenant.then(known);
    return tenant ?? Promise.reject(unknownTenant());
  }

  /** Reads it now, for a decision that a snapshot of the last half second could get wrong. @throws TesseraError like `open` */
  async openAnew(id: TenantId): Promise<Tenant> {
    this.#tenants.forget(id);
    return this.open(id);
  }

  subscribe(listener: TenantListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Drops the cached data of the tenant, or of all tenants, and notifies the subscribers. A running lookup still answers its callers, but its result
   * is not kept.
   */
  invalidate(id?: TenantId): void {
    if (id === undefined) this.#tenants.forgetAll();
    else this.#tenants.forget(id);
    for (const listener of this.#listeners) listener(id);
  }
}

function known(tenant: Tenant | undefined): Tenant {
  if (tenant === undefined) throw unknownTenant();
  return tenant;
}

function unknownTenant(): TesseraError {
  return new TesseraError('client_not_found', 'unknown tenant');
}
