import type { ClientSecretEntry } from '../../clients/client-secret-entry.ts';
import { type ClientName, nameOf } from '../../clients/client-secret.store.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { TenantFacts } from './facts.ts';
import { failureOf } from './failure.ts';
import type { Found } from './finding.ts';

/**
 * Examines the secrets of each client that authenticates with one, except of clients that are refused anyway. An entry that cannot be read is a finding
 * about its client, and does not hide the others.
 */
export async function eachConfidentialClient(
  { state: { tenant }, secretsOf }: TenantFacts,
  examine: (client: ClientName, secrets: ClientSecretEntry) => readonly Found[],
): Promise<Found[]> {
  const found: Found[] = [];
  for (const client of confidentialClients(tenant)) {
    try {
      found.push(...examine(client, await secretsOf(client)));
    } catch (error) {
      const failure = failureOf(error, nameOf(client));
      if (failure.isVaultAway) throw error;
      found.push(failure.found);
    }
  }
  return found;
}

function confidentialClients(tenant: Tenant): ClientName[] {
  if (tenant.status !== 'active') return [];
  return [...tenant.projects.values()]
    .filter(({ status }) => status === 'active')
    .flatMap((project) =>
      [...project.clients.values()]
        .filter(({ status, policy }) => status === 'active' && policy.kind === 'confidential')
        .map((client) => ({ tenantId: tenant.id, projectId: project.id, clientId: client.id })),
    );
}
