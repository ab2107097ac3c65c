import { OperatorError } from '../errors/operator-error.ts';
import { revoke, type Transition } from '../keys/key-ring.transitions.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { revocationOfKey } from '../revocation/new-revocations.ts';
import { type NewRevocation, type RevocationRecord, RevocationRecords } from '../revocation/revocation-records.ts';
import { epochSeconds } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Installation } from './installation.ts';

/**
 * What the feed is to say of a key.
 *
 * @throws OperatorError for a key that is not there or signs now
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
 * Takes the key out of the public set, for those who read it and do not follow the feed. First of all: refused by the ring, the key must not be
 * in the feed.
 *
 * @throws OperatorError for a key that signs by now
 */
export async function revokeInRing(stores: Installation, tenantId: TenantId, kid: string): Promise<void> {
  const result = await stores.keyRings.update(tenantId, (ring) =>
    revokeOnce(ring, kid, epochSeconds(stores.clock.nowMs())),
  );
  if ('refusal' in result) throw new OperatorError(result.refusal);
}

/**
 * Tells those who follow the feed, within 2 s, what all others learn when they read the key set again. Before the change of the ring is
 * announced: servers notice that by themselves, but nobody finds out what the feed does not say.
 *
 * @param revocation of a key that is out of the ring
 * @throws OperatorError when the control database does not take it
 */
export async function feedRevokedKey(stores: Installation, revocation: NewRevocation): Promise<RevocationRecord> {
  try {
    const [record] = await new RevocationRecords(stores.database).add([revocation]);
    if (record === undefined) throw new Error('the record was not returned');
    return record;
  } catch (error) {
    const { tenantId, id } = revocation;
    throw new OperatorError(
      `The key was taken out of the key ring, but verifiers could not be told: they learn of it when they read the key set again. Run: tessera revoke --key ${tenantId}/${id}`,
      { cause: error },
    );
  }
}

/** A key that is revoked already is no fault: a command that was killed in between is finished by the next. */
export function revokeOnce(ring: KeyRing, kid: string, now: number): Transition {
  const isRevoked = ring.keys.some((key) => key.kid === kid && key.state === 'revoked');
  return isRevoked ? { ring } : revoke(ring, kid, now);
}
