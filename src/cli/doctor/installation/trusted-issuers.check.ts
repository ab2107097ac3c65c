import { SystemClock } from '../../../domain/clock.ts';
import { Egress } from '../../../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../../../identity-providers/egress/outbound-network.ts';
import { fetchKeySet, KEYS_DEADLINE_MS } from '../../../identity-providers/keys/fetch-key-set.ts';
import { keysForAlgorithms } from '../../../identity-providers/keys/provider-key-set.ts';
import { mapConcurrently } from '../../../provisioning/map-concurrently.ts';
import type { Trust } from '../../../tenancy/tenant.ts';
import { Deadline } from '../../../runtime/deadline.ts';
import type { InstallationFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** Each may take its whole deadline: a thousand issuers that do not answer are done in 50 s. */
const AT_ONCE = 40;

interface TrustOfTenant {
  readonly tenantId: string;
  readonly trust: Trust;
}

/** Discovery and keys of every trusted issuer can be fetched, and have a key for its algorithms. Tenants share issuers: each is asked once. */
export const trustedIssuersCheck: Check<InstallationFacts> = {
  name: 'trusted-issuers',
  run: async ({ stores: { config }, tenants }) => {
    const trusts = tenants
      .filter(({ tenant }) => tenant.status === 'active')
      .flatMap(({ tenant }) => tenant.trusts.map((trust) => ({ tenantId: tenant.id, trust })));
    const egress = new Egress(config, new OutboundNetwork());
    const found = await mapConcurrently(
      bySource(trusts),
      () => undefined,
      (sharing) => examine(egress, sharing),
      AT_ONCE,
    );
    return found.flat();
  },
};

function bySource(trusts: readonly TrustOfTenant[]): (readonly TrustOfTenant[])[] {
  const sources = new Map<string, TrustOfTenant[]>();
  for (const one of trusts) {
    const source = JSON.stringify([one.trust.issuer, one.trust.jwksUri, one.trust.keyUse]);
    const sharing = sources.get(source);
    if (sharing === undefined) sources.set(source, [one]);
    else sharing.push(one);
  }
  return [...sources.values()];
}

async function examine(egress: Egress, sharing: readonly TrustOfTenant[]): Promise<Found[]> {
  const [first] = sharing;
  if (first === undefined) return [];
  const { set, refusal } = await fetchKeySet(egress, first.trust, new Deadline(new SystemClock(), KEYS_DEADLINE_MS));
  if (set === undefined) return [fault(sharing, `its keys cannot be fetched: ${refusal}`)];
  const unusable = sharing.filter(({ trust }) => keysForAlgorithms(set, trust.algorithms).length === 0);
  return unusable.length === 0 ? [] : [fault(unusable, 'it publishes no key for the algorithms that are accepted')];
}

/** One finding, however many tenants trust the issuer. */
function fault(sharing: readonly TrustOfTenant[], problem: string): Found {
  const [first] = sharing;
  const object = `issuer ${first?.tenantId ?? ''}/${first?.trust.id ?? ''}`;
  return {
    severity: 'fault',
    object,
    problem: sharing.length === 1 ? problem : `${problem} (${sharing.length - 1} more tenants trust it)`,
    command: `tessera issuers check ${first?.tenantId ?? ''} ${first?.trust.id ?? ''}`,
  };
}
