import { parseEmail } from '../../domain/email.ts';
import type { ClientName } from '../../clients/client-secret.store.ts';
import type { TenantSpec } from '../../provisioning/file/tenants-file.ts';

/** A client and a user for which it may request a token. */
export interface FirstRequest {
  readonly client: ClientName;
  readonly email: string;
}

/** Finds the first request that would be answered with a token, so that an edited example still works. */
export function findFirstRequest(tenants: readonly TenantSpec[]): FirstRequest | undefined {
  for (const tenant of tenants) {
    if (tenant.status !== 'active') continue;
    for (const project of tenant.projects) {
      if (project.status !== 'active') continue;
      for (const client of project.clients) {
        if (client.status !== 'active' || client.policy.kind !== 'confidential' || !client.surfaces.includes('user'))
          continue;
        const { subjects } = client;
        const user = tenant.users.find(
          ({ email, status }) =>
            status === 'active' && (subjects === 'any' || subjects.domains.includes(parseEmail(email)?.domain ?? '')),
        );
        if (user !== undefined)
          return { client: { tenantId: tenant.id, projectId: project.id, clientId: client.id }, email: user.email };
      }
    }
  }
  return undefined;
}
