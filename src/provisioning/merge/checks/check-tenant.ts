import type { PartialTenant } from '../../file/partial-tenants-file.ts';
import { printable } from '../../file/source-node.ts';
import type { TenantSpec } from '../../file/tenants-file.ts';
import { checkAudiences, checkAuthentication, checkLifetime, checkServiceId, compareClients } from './check-clients.ts';
import { checkFixedSubjects } from './check-fixed-subjects.ts';
import { checkIssuerMembers } from './check-issuer-members.ts';
import { checkTrusts } from './check-trusts.ts';
import { checkWorkloads } from './check-workloads.ts';
import { clientPaths } from './client-paths.ts';
import { compare } from '../compare.ts';
import { idOf, nameOf } from '../merge-lists.ts';
import { References } from './references.ts';
import type { Faults, Thing } from '../thing.ts';

/**
 * Checks the references within the merged tenant, and the rules that span several members or things. What is wrong already, and is neither written nor
 * made wrong by this file, is not reported: the operator has another purpose.
 */
export function checkTenant(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const scopes = new References('scope', before.scopes.map(nameOf), after.scopes.map(nameOf), faults);
  const roles = new References('role', before.roles.map(nameOf), after.roles.map(nameOf), faults);
  const groups = new References('group', before.groups.map(nameOf), after.groups.map(nameOf), faults);
  const issuers = new References('issuer', before.issuers.map(idOf), after.issuers.map(idOf), faults);
  for (const role of compare('roles', written.roles, before.roles, after.roles, nameOf))
    scopes.check(role, 'scopes', role.after.scopes);
  for (const group of compare('groups', written.groups, before.groups, after.groups, nameOf))
    roles.check(group, 'roles', group.after.roles);
  for (const user of compare('users', written.users, before.users, after.users, idOf)) {
    roles.check(user, 'roles', user.after.roles);
    groups.check(user, 'groups', user.after.groups);
  }
  checkIssuers(written, before, after, faults);
  checkTrusts(written, before, after, faults);
  checkFixedSubjects(written, before, after, faults);
  for (const client of compareClients(written, before, after)) {
    const { service, workload } = client.after;
    // The roles of an external directory are the application's, and are not read here.
    if (after.directory === 'managed') roles.check(client, 'service', service?.roles ?? []);
    issuers.check(client, 'workload', workload === undefined ? [] : [workload.issuer]);
    checkLifetime(client, before, after, faults);
    checkAuthentication(client, faults);
    checkServiceId(client, faults);
    checkAudiences(client, faults);
  }
  checkWorkloads(written, before, after, faults);
  checkExternal(written, after, faults);
}

/** A trusted issuer names clients by id only, so exactly one project must have a client of that id. */
function checkIssuers(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const had = clientPaths(before);
  const has = clientPaths(after);
  for (const { thing, after: issuer, wrote } of compare(
    'issuers',
    written.issuers,
    before.issuers,
    after.issuers,
    idOf,
  )) {
    checkIssuerMembers(thing, issuer, wrote, faults);
    for (const id of issuer.clients) {
      const count = has.get(id)?.length ?? 0;
      if (count === 1 || (!wrote('clients') && (had.get(id)?.length ?? 0) === count)) continue;
      faults.add(
        thing,
        'clients',
        count === 0
          ? `there is no client "${printable(id)}": declare it in a project of this tenant`
          : `${count} projects have a client "${printable(id)}": give each its own id to name one here`,
        id,
      );
    }
  }
}

/** The content of an external directory is the application's. It is read from there, and never written. */
function checkExternal(written: PartialTenant, { directory, database }: TenantSpec, faults: Faults): void {
  if (directory !== 'external') return;
  const tenant: Thing = { list: 'tenants', name: written.id, place: written.place };
  if (database.driver !== 'mysql')
    faults.add(
      tenant,
      'directory',
      'an external directory needs a database of driver mysql: an embedded file holds nothing but what Tessera writes',
    );
  for (const part of ['scopes', 'roles', 'groups', 'users'] as const)
    if (written[part] !== undefined)
      faults.add(
        tenant,
        part,
        `the directory is external: its ${part} are in the application's database; remove "${part}" here`,
      );
}
