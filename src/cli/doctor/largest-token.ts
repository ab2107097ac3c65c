import type { Config } from '../../config/config.ts';
import type { Subject } from '../../directory/subject.ts';
import type { PersonSurface } from '../../domain/surface.ts';
import { allClients } from '../../tenancy/all-clients.ts';
import type { Client, Tenant } from '../../tenancy/tenant.ts';
import { limitsOf } from '../../token-grants/authorize.ts';
import type { Found } from './finding.ts';
import { overBudget, tokenLength } from './token-size.ts';

/** Compares the largest token that a subject can get, over all clients of the surface, with the size budget. */
export function largestToken(
  { publicUrl, limits }: Pick<Config, 'publicUrl' | 'limits'>,
  tenant: Tenant,
  surface: PersonSurface,
): (object: string, subject: Omit<Subject, 'status'>) => readonly Found[] {
  const clients = allClients(tenant).filter(({ surfaces }) => surfaces.includes(surface));
  return (object, subject) => {
    let largest: { readonly client: Client; readonly length: number } | undefined;
    for (const client of clients) {
      const granted = limitsOf(client, { ...subject, status: 'active' });
      if (!granted.mayAsk) continue;
      const length = tokenLength(publicUrl, tenant, client, surface, {
        id: subject.id,
        email: subject.email,
        ...granted,
      });
      if (length > (largest?.length ?? 0)) largest = { client, length };
    }
    const found = largest && overBudget(object, largest.client, largest.length, limits.tokenBytes);
    return found === undefined ? [] : [found];
  };
}
