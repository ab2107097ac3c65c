import type { PersonSurface } from '../../domain/surface.ts';
import { allClients } from '../../tenancy/all-clients.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { Found } from './finding.ts';
import { shownName } from './people.ts';

/** Scopes of a directory that are read: far more than a token could hold. */
export const MAX_SCOPES = 20_000;
/** Scopes that are named in one finding. */
const NAMED = 10;

/** Whether the tokens of some client of this surface may have the scope. Of the directory of users, services have tokens too. */
export function scopeBound(tenant: Tenant, surface: PersonSurface): (scope: string) => boolean {
  const bounds = allClients(tenant)
    .filter(({ surfaces, service }) => surfaces.includes(surface) || (surface === 'user' && service !== undefined))
    .map(({ scopes }) => scopes);
  if (bounds.includes('unbounded')) return () => true;
  const carried = new Set(bounds.flatMap((scopes) => (scopes === 'unbounded' ? [] : [...scopes])));
  return (scope) => carried.has(scope);
}

/** One finding for all scopes of an object: a client that was removed leaves many at once. */
export function uncarriedScopes(object: string, scopes: readonly string[]): Found[] {
  if (scopes.length === 0) return [];
  return [
    {
      severity: 'warning',
      object,
      problem: `no client can carry the scopes ${namedScopes(scopes)}`,
      command: 'Add them to "scopes" of a client, or remove them, in the tenants file: tessera apply -f FILE',
    },
  ];
}

/** The first of these scopes, for a finding. */
export function namedScopes(scopes: readonly string[]): string {
  return `${scopes.slice(0, NAMED).map(shownName).join(', ')}${scopes.length > NAMED ? ', …' : ''}`;
}
