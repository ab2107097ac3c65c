import { invalidProviderUrlReason } from '../../../identity-providers/egress/provider-url.ts';
import type { PartialTenant } from '../../file/partial-tenants-file.ts';
import { printable } from '../../file/source-node.ts';
import type { IdentitySpec, IssuerSpec, TenantSpec } from '../../file/tenants-file.ts';
import { clientPaths } from './client-paths.ts';
import type { Faults } from '../thing.ts';

const NO_HOSTS = { federationAllowedHosts: [], federationPrivateHosts: [] } as const;

/**
 * Checks that a trusted issuer does not come to vouch for something else by a change beside it: what it is trusted for must be written.
 */
export function checkTrusts(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const wasClient = clientPaths(before);
  const isClient = clientPaths(after);
  for (const issuer of after.issuers) {
    const said = written.issuers?.find(({ id }) => id === issuer.id);
    const thing = { list: 'issuers', name: issuer.id, place: said?.place } as const;
    // An issuer that is written has been checked. Here nobody knows which hosts are allowed, so that none is.
    const isChecked = said?.issuer !== undefined || said?.place?.has('issuer') === true;
    const undiscoverable =
      said?.jwksUri === null && !isChecked
        ? invalidProviderUrlReason(issuer.issuer, { query: 'refused' }, NO_HOSTS)
        : undefined;
    if (undiscoverable !== undefined)
      faults.add(
        thing,
        'jwks_uri',
        `must stay, or write issuer too, because discovery asks the issuer: it ${undiscoverable}`,
      );
    // By its URL: identities do not say which entry they are of.
    const sameUrl = before.issuers.find((one) => one.issuer === issuer.issuer);
    // Of an issuer that was not trusted before, nobody knows what left-over identities meant.
    const isUnknown = sameUrl === undefined && issuer.subject.match === 'linked';
    if (isUnknown || linkingClaim(issuer) !== linkingClaim(sameUrl)) checkMeaning(written, after, issuer, faults);
    const present = before.issuers.find(({ id }) => id === issuer.id);
    if (present === undefined) continue;
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

/** The claim that identities of the issuer are of, also while it does not match by them. */
function linkingClaim(issuer: IssuerSpec | undefined): string {
  return issuer?.subject.match === 'linked' ? (issuer.subject.claim ?? 'sub') : 'sub';
}

/** Identities do not say of which claim they are. Whoever has one person's `sub` as their value of another claim would get that person's tokens. */
function checkMeaning(written: PartialTenant, after: TenantSpec, issuer: IssuerSpec, faults: Faults): void {
  const isOfIssuer = (identity: IdentitySpec): boolean => identity.issuer === issuer.issuer;
  for (const { thing } of personsThatKeep(written, after, isOfIssuer))
    faults.add(
      thing,
      'identities',
      `must not stay when issuer "${issuer.id}" links by "${linkingClaim(issuer)}" from now on: write identities too`,
    );
}

/** The persons that keep such an identity because the file does not write theirs. */
function personsThatKeep(written: PartialTenant, after: TenantSpec, isSuch: (identity: IdentitySpec) => boolean) {
  return (['users', 'admins'] as const).flatMap((list) =>
    after[list].flatMap((person) => {
      const said = written[list]?.find((one) => one.id === person.id);
      if (said?.identities !== undefined || !person.identities.some(isSuch)) return [];
      return [{ thing: { list, name: printable(person.id), place: said?.place } }];
    }),
  );
}

/** Identities are stored with the issuer's URL. A new URL would cut them off, and whoever had the old one again would get them. */
function checkLinks(written: PartialTenant, after: TenantSpec, { id, issuer: url }: IssuerSpec, faults: Faults): void {
  if (after.issuers.some(({ issuer }) => issuer === url)) return;
  const isLeftBehind = (identity: IdentitySpec): boolean => identity.issuer === url;
  for (const { thing } of personsThatKeep(written, after, isLeftBehind))
    faults.add(thing, 'identities', `must not stay with the present URL of issuer "${id}": write identities too`);
}
