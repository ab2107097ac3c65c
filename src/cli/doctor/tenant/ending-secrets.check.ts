import { epochSeconds } from '../../../domain/clock.ts';
import { hasLiveSecret, liveSecrets } from '../../../clients/client-secret-entry.ts';
import { nameOf } from '../../../clients/client-secret.store.ts';
import { instant } from '../../terminal.ts';
import { eachClientWithPolicy } from '../each-client.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** Two weeks to give a client its next secret. */
const SOON_SECONDS = 14 * 86_400;

/** No live secret of a client ends soon. */
export const endingSecretsCheck: Check<TenantFacts> = {
  name: 'ending-secrets',
  needsVault: true,
  run: (facts) => {
    const now = epochSeconds(facts.clock.nowMs());
    const soon = now + SOON_SECONDS;
    return eachClientWithPolicy(facts, 'confidential', (client, secrets) => {
      const name = nameOf(client);
      const isLast = !hasLiveSecret(secrets, soon);
      return liveSecrets(secrets, now).flatMap(({ id, expiresAt }): Found[] => {
        if (expiresAt === undefined || expiresAt > soon) return [];
        const ends = `secret ${id} ends at ${instant(expiresAt)}`;
        return [
          {
            severity: 'warning',
            object: name,
            problem: isLast ? `${ends}, and then the client has none` : `${ends}; another one stays live`,
            command: isLast
              ? `tessera secrets add ${name}`
              : `tessera secrets list ${name}; when it is no longer used: tessera secrets retire ${name} ${id}`,
          },
        ];
      });
    });
  },
};
