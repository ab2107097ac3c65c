import { epochSeconds } from '../../../domain/clock.ts';
import { LoadedKeyRing } from '../../../keys/loaded-key-ring.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** The tenant has signing keys, and one of them signs now. A damaged ring makes the check throw. */
export const keyRingCheck: Check<TenantFacts> = {
  name: 'key-ring',
  needsVault: true,
  run: async ({ stores: { keyRings }, clock, state: { tenant } }) => {
    const fault = { severity: 'fault', object: `key ring of ${tenant.id}` } as const;
    const stored = await keyRings.read(tenant.id);
    if (stored === undefined)
      return [
        {
          ...fault,
          problem: 'the tenant has none, so no token can be issued or verified',
          command: `Restore keys/${tenant.id} in the secret store, or make new keys: tessera apply -f FILE --dangerously-replace-lost-keys`,
        },
      ];
    const now = epochSeconds(clock.nowMs());
    if (new LoadedKeyRing(stored, now).signingKey(now) !== undefined) return [];
    const next = stored.ring.keys.find(({ state }) => state === 'next');
    return [
      {
        ...fault,
        problem: 'no key signs, so no token can be issued',
        command:
          next === undefined ? `tessera keys rotate ${tenant.id}` : `tessera keys activate ${tenant.id} ${next.kid}`,
      },
    ];
  },
};
