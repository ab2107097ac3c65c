import type { RecordedChange } from '../audit/changes/change-subjects.ts';
import type { TenantId } from '../domain/ids.ts';
import { type KeyRing, stateOf } from '../keys/key-ring.ts';

/** What the record of a change says about the keys: the state of each key that changed, by its id. */
export function keyRingChange(
  tenantId: TenantId,
  before: KeyRing | undefined,
  after: KeyRing,
  now: number,
): RecordedChange {
  const states = (ring: KeyRing | undefined) => new Map(ring?.keys.map((key) => [key.kid, stateOf(key, now)]));
  const [old, present] = [states(before), states(after)];
  const kids = [...new Set([...old.keys(), ...present.keys()])];
  const fields = kids
    .map((kid) => ({ field: kid, from: old.get(kid) ?? null, to: present.get(kid) ?? null }))
    .filter(({ from, to }) => from !== to);
  return { action: 'update', kind: 'key_ring', id: tenantId, fields };
}
