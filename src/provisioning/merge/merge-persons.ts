import type { Member, PartialAdmin, PartialIdentity, PartialUser } from '../file/partial-tenants-file.ts';
import { untrustedIssuerName } from '../file/untrusted-issuer.ts';
import { byCodeUnit } from '../file/readers/read-fields.ts';
import { printable } from '../file/source-node.ts';
import type { AdminSpec, IdentitySpec, IssuerSpec, UserSpec } from '../file/tenants-file.ts';
import { idOf, mergeList } from './merge-lists.ts';
import { type Faults, mergeMembers, needed, type Thing } from './thing.ts';

interface Context {
  /** Of the merged tenant. */
  readonly tenantIssuers: readonly IssuerSpec[];
  readonly faults: Faults;
}

export function mergeUsers(
  written: readonly PartialUser[] | undefined,
  before: readonly UserSpec[],
  removeOthers: boolean,
  context: Context,
): readonly UserSpec[] {
  return mergeList(written, before, removeOthers, idOf, (user, present) => {
    const thing: Thing = { list: 'users', name: user.id, place: user.place };
    return {
      id: user.id,
      ...mergeMembers<Omit<UserSpec, 'identities'>, 'id'>(
        thing,
        user,
        present,
        { email: EMAIL, status: 'active', roles: [], groups: [] },
        context.faults,
      ),
      identities: mergeIdentities(thing, user.identities, present?.identities, context),
    };
  });
}

export function mergeAdmins(
  written: readonly PartialAdmin[] | undefined,
  before: readonly AdminSpec[],
  removeOthers: boolean,
  context: Context,
): readonly AdminSpec[] {
  return mergeList(written, before, removeOthers, idOf, (admin, present) => {
    const thing: Thing = { list: 'admins', name: admin.id, place: admin.place };
    return {
      id: admin.id,
      ...mergeMembers<Omit<AdminSpec, 'identities'>, 'id'>(
        thing,
        admin,
        present,
        { email: EMAIL, status: 'active', roles: [], scopes: [] },
        context.faults,
      ),
      identities: mergeIdentities(thing, admin.identities, present?.identities, context),
    };
  });
}

const EMAIL = needed<string>('write the e-mail address', '');

/** Identities are stored with the issuer's URL: `sub` is unique only within the issuer. */
function mergeIdentities(
  thing: Thing,
  written: Member<readonly PartialIdentity[]>,
  before: readonly IdentitySpec[] = [],
  { tenantIssuers, faults }: Context,
): readonly IdentitySpec[] {
  if (written === undefined) return before;
  const identities: IdentitySpec[] = [];
  for (const { issuer, sub } of written ?? []) {
    // The URL of an issuer that was trusted before: the link is kept, but no new one is made.
    const url =
      tenantIssuers.find(({ id }) => id === issuer)?.issuer ??
      before.find((identity) => untrustedIssuerName(identity.issuer) === issuer && identity.sub === sub)?.issuer;
    if (url === undefined)
      faults.add(
        thing,
        'identities',
        `there is no issuer "${printable(issuer)}": declare it under "issuers" of this tenant`,
      );
    else identities.push({ issuer: url, sub });
  }
  return identities.sort((a, b) => byCodeUnit(a.issuer, b.issuer) || byCodeUnit(a.sub, b.sub));
}
