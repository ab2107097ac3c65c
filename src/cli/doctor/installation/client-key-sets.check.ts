import { SystemClock } from '../../../domain/clock.ts';
import { Egress } from '../../../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../../../identity-providers/egress/outbound-network.ts';
import { fetchKeySet, KEYS_DEADLINE_MS } from '../../../identity-providers/keys/fetch-key-set.ts';
import { mapConcurrently } from '../../../provisioning/map-concurrently.ts';
import { Deadline } from '../../../runtime/deadline.ts';
import { activeClients } from '../each-client.ts';
import type { InstallationFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** Each may take its whole deadline. */
const AT_ONCE = 40;

/** The keys of every client that publishes them can be fetched, and one of them states its algorithm. Each URL is asked once. */
export const clientKeySetsCheck: Check<InstallationFacts> = {
  name: 'client-key-sets',
  run: async ({ stores: { config }, tenants }) => {
    const clientsAt = new Map<string, string[]>();
    for (const { tenant } of tenants)
      for (const { projectId, id, jwksUri } of activeClients(tenant))
        if (jwksUri !== undefined)
          clientsAt.set(jwksUri, [...(clientsAt.get(jwksUri) ?? []), `${tenant.id}/${projectId}/${id}`]);
    const egress = new Egress(config, new OutboundNetwork());
    const found = await mapConcurrently(
      [...clientsAt],
      () => undefined,
      ([url, clients]) => examine(egress, url, clients),
      AT_ONCE,
    );
    return found.flat();
  },
};

async function examine(egress: Egress, url: string, [first = '', ...others]: readonly string[]): Promise<Found[]> {
  const source = { issuer: url, jwksUri: url, keyUse: undefined };
  const { set, refusal } = await fetchKeySet(egress, source, new Deadline(new SystemClock(), KEYS_DEADLINE_MS));
  // The key's own `alg` decides how an assertion is verified.
  const isUsable = set?.keys.some(({ kid, algorithm }) => kid !== undefined && algorithm !== undefined) === true;
  if (isUsable) return [];
  const problem =
    set === undefined
      ? `its keys cannot be fetched: ${refusal}`
      : 'it publishes no key with a kid and an alg that are accepted';
  return [
    {
      severity: 'fault',
      object: first,
      problem: others.length === 0 ? problem : `${problem} (${others.length} more clients have the same jwks_uri)`,
      command:
        'Mend what is published there, or correct "jwks_uri" of the client in the tenants file: tessera apply -f FILE',
    },
  ];
}
