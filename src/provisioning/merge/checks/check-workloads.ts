import { memberName } from '../../file/member-names.ts';
import type { PartialTenant } from '../../file/partial-tenants-file.ts';
import type { IssuerSpec, TenantSpec } from '../../file/tenants-file.ts';
import { canonicalJson } from '../../plan/field-changes.ts';
import { compareClients } from './check-clients.ts';
import type { Faults } from '../thing.ts';

/** What decides whose tokens an issuer's are, and for whom: the same `sub` means another workload at another issuer. */
const MEANING = ['issuer', 'jwksUri', 'audiences', 'audienceClaim', 'azp'] as const;

/** Checks that a client does not come to authenticate by other tokens because the issuer beside it changes: its workload must be written too. */
export function checkWorkloads(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const had = new Map(before.issuers.map((issuer) => [issuer.id, issuer]));
  const has = new Map(after.issuers.map((issuer) => [issuer.id, issuer]));
  for (const { thing, after: client, wrote } of compareClients(written, before, after)) {
    const issuer = client.workload && has.get(client.workload.issuer);
    // A missing issuer is found as a reference.
    if (issuer === undefined || wrote('workload')) continue;
    const changed = MEANING.filter((member) => isOther(member, had.get(issuer.id), issuer)).map(memberName);
    if (changed.length > 0)
      faults.add(
        thing,
        'workload',
        `must not stay as it is when ${changed.join(', ')} of issuer "${issuer.id}" changes: write workload too`,
      );
  }
}

function isOther(member: (typeof MEANING)[number], before: IssuerSpec | undefined, after: IssuerSpec): boolean {
  return canonicalJson(before?.[member] ?? null) !== canonicalJson(after[member] ?? null);
}
