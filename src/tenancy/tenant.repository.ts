import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import type { CachesConfig } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { Clock } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { SingleFlightCache } from '../runtime/single-flight-cache.ts';
import { readTenant } from './read-tenant.ts';
import type { Tenant } from './tenant.ts';

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
   * @throws TesseraError `client_not_found` for an unknown or removed tenant, `temporarily_unavailable` when the control database does not
   * answer and no snapshot is young enough
   */
  async open(id: TenantId): Promise<Tenant> {
    const tenant = await this.#tenants.get(id, () => this.#controlPlane.snapshot((manager) => readTenant(manager, id)));
    if (tenant === undefined) throw new TesseraError('client_not_found', 'unknown tenant');
    return tenant;
  }

  subscribe(listener: TenantListener): void {
    this.#listeners.push(listener);
  }

  /** Forgets what is held of the tenant, or of all, and tells the subscribers. A look-up under way still answers its callers, then is forgotten. */
  invalidate(id?: TenantId): void {
    if (id === undefined) this.#tenants.forgetAll();
    else this.#tenants.forget(id);
    for (const listener of this.#listeners) listener(id);
  }
}
