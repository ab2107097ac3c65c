import { isGuardedBy } from '../../../identity-providers/claims/guarding-conditions.ts';
import type { PartialTenant } from '../../file/partial-tenants-file.ts';
import type { TenantSpec } from '../../file/tenants-file.ts';
import type { Faults, Thing } from '../thing.ts';

/** Checks issuers whose tokens are all about one subject: there must be conditions that choose the tokens, one surface, and that subject. */
export function checkFixedSubjects(
  written: PartialTenant,
  before: TenantSpec,
  after: TenantSpec,
  faults: Faults,
): void {
  for (const { id, subject, conditions, audienceClaim, surfaces } of after.issuers) {
    if (subject.match !== 'user') continue;
    const said = written.issuers?.find((one) => one.id === id);
    const thing: Thing = { list: 'issuers', name: id, place: said?.place };
    // Conditions that are written but undefined were invalid, which has been reported.
    const isReported = said?.conditions === undefined && said?.place?.has('conditions') === true;
    if (
      !isReported &&
      (conditions === 'none' ||
        !isGuardedBy(
          conditions.map(([claim]) => claim),
          audienceClaim,
        ))
    )
      faults.add(
        thing,
        'conditions',
        `must name at least one claim besides iss and aud: with "match: user", every token that is accepted is about "${subject.id}"`,
      );
    const [surface] = surfaces;
    if (surface === undefined || surfaces.length > 1) {
      faults.add(
        thing,
        'surfaces',
        'must be [user] for a user or [admin] for an administrator: "match: user" is about one subject',
      );
      continue;
    }
    // The users of an external directory are the application's, and are not read here.
    if (surface === 'user' && after.directory === 'external') continue;
    const list = surface === 'user' ? 'users' : 'admins';
    const isThere = (tenant: TenantSpec) => tenant[list].some((person) => person.id === subject.id);
    if (isThere(after)) continue;
    const missing = `there is no ${surface === 'user' ? 'user' : 'administrator'} "${subject.id}"`;
    if (said?.subject !== undefined || said?.surfaces !== undefined)
      faults.add(thing, 'subject', `${missing}: declare it under "${list}" of this tenant`);
    else if (isThere(before))
      faults.add(thing, 'subject', `${missing} after this: keep it, or give the issuer another subject first`);
  }
}
