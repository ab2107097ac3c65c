import { Injectable } from '@nestjs/common';
import { unavailable } from '../errors/tessera-error.ts';
import { keyRingPath } from '../vault/vault-path.ts';
import { VaultConflict, VaultService } from '../vault/vault.service.ts';
import type { TenantId } from '../domain/ids.ts';
import type { KeyRing, StoredKeyRing } from './key-ring.ts';
import { formatKeyRing, parseKeyRing } from './key-ring.codec.ts';
import type { Transition } from './key-ring.transitions.ts';
import { SecondOpinion } from './second-opinion.ts';

/**
 * Key rings where they are kept: one Vault entry a tenant.
 *
 * Every change is one check-and-set write of the whole ring, and what a key does later follows from its times: a process that is killed
 * leaves the ring before or after the change, both whole, and nothing to resume. What may be lost is the announcement that follows the write (a
 * touch of the tenant in the control plane): running servers then notice when their copy has reached its maximum age, and a key does not
 * sign before that time has passed.
 */
@Injectable()
export class KeyRingStore {
  readonly #vault: VaultService;
  readonly #secondOpinion: SecondOpinion;

  constructor(vault: VaultService, secondOpinion: SecondOpinion) {
    this.#vault = vault;
    this.#secondOpinion = secondOpinion;
  }

  /** @returns undefined only when Vault said that the tenant has no ring */
  async read(tenantId: TenantId): Promise<StoredKeyRing | undefined> {
    const entry = await this.#vault.read(keyRingPath(tenantId));
    return entry === undefined ? undefined : { ring: parseKeyRing(entry.data), version: entry.version };
  }

  /**
   * Writes a tenant's first ring. For provisioning alone: a server that finds no ring says so and never makes one.
   *
   * @returns what the tenant has now: this ring, or the one that another writer created first
   */
  async create(tenantId: TenantId, ring: KeyRing): Promise<StoredKeyRing> {
    try {
      const version = await this.#vault.write(keyRingPath(tenantId), this.#entryOf(ring, undefined), 0);
      return { ring, version };
    } catch (error) {
      if (!(error instanceof VaultConflict)) throw error;
      const stored = await this.read(tenantId);
      if (stored === undefined) throw changesTooFast();
      return stored;
    }
  }

  /**
   * Decides on the ring as it is and writes what was decided. When another writer comes first, `change` decides once more on what that
   * one wrote: of two rotations at once one wins and the other is told.
   *
   * @returns the ring as written, or the refusal
   */
  async update(
    tenantId: TenantId,
    change: (ring: KeyRing) => Transition,
  ): Promise<StoredKeyRing | { readonly refusal: string }> {
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const stored = await this.read(tenantId);
      if (stored === undefined)
        return { refusal: 'The tenant has no key ring: make one with `tessera apply`, or restore it from a backup.' };
      const decision = change(stored.ring);
      if ('refusal' in decision) return decision;
      try {
        const version = await this.#vault.write(
          keyRingPath(tenantId),
          this.#entryOf(decision.ring, stored.ring),
          stored.version,
        );
        return { ring: decision.ring, version };
      } catch (error) {
        if (!(error instanceof VaultConflict)) throw error;
      }
    }
    throw changesTooFast();
  }

  /**
   * The entry of a ring, read back before it is written: the reader refuses a ring as a whole, so one that it does not take would end the tenant's
   * service, and no command could mend it. A token of each new key must verify, for the same reason.
   *
   * @throws Error when a transition made such a ring; nothing is written then
   */
  #entryOf(ring: KeyRing, before: KeyRing | undefined): Record<string, unknown> {
    const entry = formatKeyRing(ring);
    this.#secondOpinion.confirmNewKeys(parseKeyRing(entry), before);
    return entry;
  }
}

function changesTooFast(): Error {
  return unavailable('vault', 'the key ring changes too fast');
}
