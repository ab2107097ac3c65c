import type { PartialTenant } from '../file/partial-tenants-file.ts';
import { printable } from '../file/source-node.ts';
import type { IdentitySpec, IssuerSpec, TenantSpec } from '../file/tenants-file.ts';
import { clientPaths } from './client-paths.ts';
import type { Faults } from './thing.ts';

/**
 * Checks that a trusted issuer does not come to vouch for something else by a change beside it: what it is trusted for must be written.
 */
export function checkTrusts(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const wasClient = clientPaths(before);
  const isClient = clientPaths(after);
  for (const issuer of after.issuers) {
    const present = before.issuers.find(({ id }) => id === issuer.id);
    if (present === undefined) continue;
    const said = written.issuers?.find(({ id }) => id === issuer.id);
    const thing = { list: 'issuers', name: issuer.id, place: said?.place } as const;
    if (issuer.issuer !== present.issuer) {
      if (issuer.jwksUri !== undefined && said?.jwksUri === undefined)
        faults.add(
          thing,
          'issuer',
          'its keys would still come from the present jwks_uri: write jwks_uri too, or null for discovery',
        );
      checkLinks(written, after, present, faults);
    }
    if (said?.clients !== undefined) continue;
    for (const id of issuer.clients) {
      const was = wasClient.get(id) ?? [];
      const [is, ...others] = isClient.get(id) ?? [];
      // Missing clients, and two of one id, are found as references.
      if (is === undefined || others.length > 0 || was.includes(is)) continue;
      const instead = was.length === 0 ? '' : ` instead of ${was.map((path) => `"${path}"`).join(', ')}`;
      faults.add(thing, 'clients', `"${id}" would become another client, "${is}"${instead}: write its clients too`);
    }
  }
}

/** Identities are stored with the issuer's URL. A new URL would cut them off, and whoever had the old one again would get them. */
function checkLinks(written: PartialTenant, after: TenantSpec, { id, issuer: url }: IssuerSpec, faults: Faults): void {
  if (after.issuers.some(({ issuer }) => issuer === url)) return;
  const isLeftBehind = (identity: IdentitySpec): boolean => identity.issuer === url;
  for (const list of ['users', 'admins'] as const)
    for (const person of after[list]) {
      const said = written[list]?.find((one) => one.id === person.id);
      if (said?.identities !== undefined || !person.identities.some(isLeftBehind)) continue;
      faults.add(
        { list, name: printable(person.id), place: said?.place },
        'identities',
        `must not stay with the present URL of issuer "${id}": write identities too`,
      );
    }
}
