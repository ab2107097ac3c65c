import { OperatorError } from '../../errors/operator-error.ts';
import { revoke, type Transition } from '../../keys/key-ring.transitions.ts';
import type { KeyRing } from '../../keys/key-ring.ts';
import { EVERY_ROOT, mayExchange, revocationOfChain, revocationOfKey } from '../../revocation/new-revocations.ts';
import { commitInTime } from '../../revocation/revocation-reach.ts';
import type { NewRevocation, RevocationRecord } from '../../revocation/revocation-records.ts';
import { epochSeconds } from '../../domain/clock.ts';
import type { TenantId } from '../../domain/ids.ts';
import { findTenant, type Installation } from '../installation.ts';
import { keyRingChange } from '../key-ring-change.ts';

/**
 * The feed entry for revoking a key.
 *
 * @throws OperatorError for a missing key, and for the active one
 */
export async function keyRevocation(stores: Installation, tenantId: TenantId, kid: string): Promise<NewRevocation> {
  const now = epochSeconds(stores.clock.nowMs());
  const stored = await stores.keyRings.read(tenantId);
  if (stored === undefined)
    throw new OperatorError(
      `Tenant ${tenantId} has no key ring: make one with \`tessera apply\`, or restore it from a backup.`,
    );
  const next = revokeOnce(stored.ring, kid, now);
  if ('refusal' in next) throw new OperatorError(next.refusal);
  return revocationOfKey(tenantId, kid, now);
}

/**
 * Removes the key from the public key set, for verifiers that do not poll the feed. This comes first: if the key ring refuses, the key must not be in
 * the feed.
 *
 * @throws OperatorError for a key that is active by now
 */
export async function revokeInRing(stores: Installation, tenantId: TenantId, kid: string): Promise<void> {
  const now = epochSeconds(stores.clock.nowMs());
  let before: KeyRing | undefined;
  const result = await stores.keyRings.update(tenantId, (ring) => revokeOnce((before = ring), kid, now));
  if ('refusal' in result) throw new OperatorError(result.refusal);
  stores.changes.note(tenantId, [keyRingChange(tenantId, before, result.ring, now)]);
}

/**
 * Publishes the revocation to the pollers of the feed, who get it within 2 s; other verifiers learn it when they fetch the key set again. This comes
 * before the key ring's change is announced: servers would notice that change anyway, but nobody would notice a missing feed entry. In a tenant whose
 * clients exchange tokens, all that was exchanged until now is revoked, too.
 *
 * @param revocation of a key that was removed from the public set
 * @throws OperatorError if the control database does not accept it
 */
export async function feedRevokedKey(stores: Installation, revocation: NewRevocation): Promise<RevocationRecord> {
  try {
    const { tenant } = await findTenant(stores, revocation.tenantId);
    const [record] = mayExchange(tenant)
      ? await commitInTime(stores.clock, (before) =>
          // Whoever had the key could sign a token and exchange it for one that another key has signed.
          stores.controlPlane.revoke([revocation, revocationOfChain(tenant.id, EVERY_ROOT, before)]),
        )
      : await stores.controlPlane.revoke([revocation]);
    if (record === undefined) throw new Error('the record was not returned');
    return record;
  } catch (error) {
    const { tenantId, id } = revocation;
    throw new OperatorError(
      `The key was revoked in the key ring, but verifiers could not be notified: they learn of it when they fetch the key set again. Run: tessera revoke --key ${tenantId}/${id}`,
      { cause: error },
    );
  }
}

/** A key that is revoked already is not an error, so that repeating a killed command completes it. */
export function revokeOnce(ring: KeyRing, kid: string, now: number): Transition {
  const isRevoked = ring.keys.some((key) => key.kid === kid && key.state === 'revoked');
  return isRevoked ? { ring } : revoke(ring, kid, now);
}
