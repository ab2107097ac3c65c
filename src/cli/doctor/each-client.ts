import type { ClientSecretEntry } from '../../clients/client-secret-entry.ts';
import { type ClientName, nameOf } from '../../clients/client-secret.store.ts';
import type { Client, ClientPolicy, Tenant } from '../../tenancy/tenant.ts';
import type { TenantFacts } from './facts.ts';
import { failureOf } from './failure.ts';
import type { Found } from './finding.ts';

/**
 * Examines the secrets of each client with this kind of policy, except of clients that are refused anyway. An entry that cannot be read is a finding
 * about its client, and does not hide the others.
 */
export async function eachClientWithPolicy(
  { state: { tenant }, secretsOf }: TenantFacts,
  kind: ClientPolicy['kind'],
  examine: (client: ClientName, secrets: ClientSecretEntry) => readonly Found[],
): Promise<Found[]> {
  const found: Found[] = [];
  for (const client of activeClients(tenant).filter(({ policy }) => policy.kind === kind)) {
    const name: ClientName = { tenantId: tenant.id, projectId: client.projectId, clientId: client.id };
    try {
      found.push(...examine(name, await secretsOf(name)));
    } catch (error) {
      const failure = failureOf(error, nameOf(name));
      if (failure.isVaultAway) throw error;
      found.push(failure.found);
    }
  }
  return found;
}

/** The clients that are not refused for being disabled, or for their project or tenant. */
export function activeClients(tenant: Tenant): Client[] {
  if (tenant.status !== 'active') return [];
  return [...tenant.projects.values()]
    .filter(({ status }) => status === 'active')
    .flatMap((project) => [...project.clients.values()].filter(({ status }) => status === 'active'));
}
