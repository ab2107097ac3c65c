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
 * Stores the key rings, one Vault entry per tenant.
 *
 * Every change is one check-and-set write of the whole ring, and later states follow from the keys' times. A killed process leaves the ring either
 * before or after the change, and nothing to resume. Only the announcement after the write (a touch of the tenant in the control plane) may be lost.
 * Running servers then notice the change at the maximum age of their copy, and a new key does not sign before that time has passed.
 */
@Injectable()
export class KeyRingStore {
  readonly #vault: VaultService;
  readonly #secondOpinion: SecondOpinion;

  constructor(vault: VaultService, secondOpinion: SecondOpinion) {
    this.#vault = vault;
    this.#secondOpinion = secondOpinion;
  }

  /** @returns undefined only if Vault says that the tenant has no ring */
  async read(tenantId: TenantId): Promise<StoredKeyRing | undefined> {
    const entry = await this.#vault.read(keyRingPath(tenantId));
    return entry === undefined ? undefined : { ring: parseKeyRing(entry.data), version: entry.version };
  }

  /**
   * Writes a tenant's first ring. Only for provisioning: a server that finds no ring reports it and never makes one.
   *
   * @returns the stored ring: this one, or one that another writer created first
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
   * Applies `change` to the present ring and writes the result. If another writer comes first, `change` is applied again to that writer's ring, so of
   * two concurrent rotations one wins and the other is refused.
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
   * Serializes a ring and parses it again before it is written. The parser refuses a ring as a whole, so an invalid one would stop the tenant's
   * service, and no command could repair it. A token of each new key must verify, for the same reason.
   *
   * @throws Error if a transition made such a ring; then nothing is written
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
