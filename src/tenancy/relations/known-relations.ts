import { LRUCache } from 'lru-cache';
import type { Clock } from '../../domain/clock.ts';
import type { TenantId } from '../../domain/ids.ts';
import { addressOf } from '../tenant-address.ts';
import type { Tenant } from '../tenant.ts';
import type { DirectoryRelations } from './directory-relations.ts';

/** How long the relations that were found at an opening are relied on: an operator may change the views of an external directory at any time. */
export const RELATIONS_MAX_AGE_MS = 60_000;

export interface FoundRelations {
  readonly relations: DirectoryRelations;
  /** By the monotonic clock, from before they were read. */
  readonly foundAtMs: number;
}

interface Entry extends FoundRelations {
  readonly address: string;
}

/** Remembers the relations of directories, so that a pool that is opened again soon after it was closed need not look for them. */
export class KnownRelations {
  readonly #clock: Clock;
  readonly #entries: LRUCache<TenantId, Entry>;

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock;
    this.#entries = new LRUCache({ max: maxEntries });
  }

  /** @param read called if none are known */
  async find(tenant: Tenant, read: () => Promise<DirectoryRelations>): Promise<FoundRelations> {
    const address = addressOf(tenant);
    const foundAtMs = this.#clock.monotonicMs();
    const known = this.#entries.get(tenant.id);
    if (known?.address === address && foundAtMs - known.foundAtMs < RELATIONS_MAX_AGE_MS) return known;
    const found = { address, foundAtMs, relations: await read() };
    this.#entries.set(tenant.id, found);
    return found;
  }

  forget(id: TenantId): void {
    this.#entries.delete(id);
  }
}
