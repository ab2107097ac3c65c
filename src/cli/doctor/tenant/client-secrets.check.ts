import { epochSeconds } from '../../../domain/clock.ts';
import { hasLiveSecret } from '../../../clients/client-secret-entry.ts';
import { nameOf } from '../../../clients/client-secret.store.ts';
import { eachClientWithPolicy } from '../each-client.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** Every confidential client that is active has a live secret. */
export const clientSecretsCheck: Check<TenantFacts> = {
  name: 'client-secrets',
  needsVault: true,
  run: (facts) => {
    const now = epochSeconds(facts.clock.nowMs());
    return eachClientWithPolicy(facts, 'confidential', (client, secrets) =>
      hasLiveSecret(secrets, now)
        ? []
        : [
            {
              severity: 'fault',
              object: nameOf(client),
              problem: 'the client has no live secret, so it gets no token',
              command: `tessera secrets add ${nameOf(client)}`,
            },
          ],
    );
  },
};
