import { HAND_PLACED_ID } from '../../../clients/client-secrets.ts';
import { liveSecrets } from '../../../clients/client-secret-entry.ts';
import { nameOf } from '../../../clients/client-secret.store.ts';
import { epochSeconds } from '../../../domain/clock.ts';
import { eachClientWithPolicy } from '../each-client.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** A client that works once a quarter still uses its secret. */
const UNUSED_DAYS = 90;
const DAY_SECONDS = 86_400;

const USES = 'SELECT project_id, client_id, secret_id, last_used_at_ms FROM secret_uses WHERE tenant_id = ?';

/**
 * Every live secret was used in the last 90 days, or is younger. When an operator-provided secret was made is not known, so it is examined once it has
 * been used.
 */
export const unusedSecretsCheck: Check<TenantFacts> = {
  name: 'unused-secrets',
  needsVault: true,
  run: async (facts) => {
    const rows = await facts.stores.database.query(USES, [facts.state.tenant.id]);
    const lastUses = new Map(
      rows.map((row) => [
        [row['project_id'], row['client_id'], row['secret_id']].join(' '),
        Number(row['last_used_at_ms']) / 1000,
      ]),
    );
    const now = epochSeconds(facts.clock.nowMs());
    return eachClientWithPolicy(facts, 'confidential', (client, secrets) => {
      const live = [
        ...(secrets.handPlaced === undefined ? [] : [{ id: HAND_PLACED_ID, createdAt: undefined }]),
        ...liveSecrets(secrets, now),
      ];
      return live.flatMap(({ id, createdAt }): Found[] => {
        const lastUsed = lastUses.get([client.projectId, client.clientId, id].join(' '));
        const since = lastUsed ?? createdAt;
        if (since === undefined || now - since <= UNUSED_DAYS * DAY_SECONDS) return [];
        const days = Math.floor((now - since) / DAY_SECONDS);
        return [
          {
            severity: 'warning',
            object: nameOf(client),
            problem: `secret ${id} was ${lastUsed === undefined ? `made ${days} days ago and never used` : `last used ${days} days ago`}`,
            command:
              live.length > 1
                ? `tessera secrets retire ${nameOf(client)} ${id}`
                : `tessera client disable ${nameOf(client)}`,
          },
        ];
      });
    });
  },
};
