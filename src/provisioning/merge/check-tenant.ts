import { formatDuration } from '../file/duration.ts';
import type { PartialTenant, Place } from '../file/partial-tenants-file.ts';
import { printable } from '../file/source-node.ts';
import type { TenantSpec } from '../file/tenants-file.ts';
import { checkFixedSubjects } from './check-fixed-subjects.ts';
import { checkIssuerMembers } from './check-issuer-members.ts';
import { checkTrusts } from './check-trusts.ts';
import { clientPaths } from './client-paths.ts';
import { idOf, nameOf } from './merge-lists.ts';
import type { Faults, ListName, Thing } from './thing.ts';

/** One thing of the merged tenant, beside its state before and what the file says about it. */
interface Compared<Spec> {
  readonly thing: Thing;
  readonly before: Spec | undefined;
  readonly after: Spec;
  readonly wrote: (member: string) => boolean;
}

/**
 * Checks the references within the merged tenant, and the rules that span several members or things. What is wrong already, and is neither written nor
 * made wrong by this file, is not reported: the operator has another purpose.
 */
export function checkTenant(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const scopes = new References('scope', before.scopes, after.scopes, faults);
  const roles = new References('role', before.roles, after.roles, faults);
  const groups = new References('group', before.groups, after.groups, faults);
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
  checkClients(written, before, after, faults);
  checkExternal(written, after, faults);
}

interface Written {
  readonly place?: Place | undefined;
}

function compare<Spec>(
  list: ListName,
  written: readonly (Written & NoInfer<Partial<Record<keyof Spec, unknown>>>)[] | undefined,
  before: readonly Spec[],
  after: readonly Spec[],
  keyOf: (one: Spec) => string,
): Compared<Spec>[] {
  const said = new Map((written ?? []).map((one) => [keyOf(one as Spec), one]));
  const had = new Map(before.map((one) => [keyOf(one), one]));
  return after.map((one) => {
    const name = keyOf(one);
    const own = said.get(name);
    return {
      thing: { list, name, place: own?.place },
      before: had.get(name),
      after: one,
      wrote: (member) => (own as Record<string, unknown> | undefined)?.[member] !== undefined,
    };
  });
}

/** The things of one kind that others name. */
class References {
  readonly #kind: string;
  readonly #before: ReadonlySet<string>;
  readonly #after: ReadonlySet<string>;
  readonly #faults: Faults;

  constructor(
    kind: string,
    before: readonly { readonly name: string }[],
    after: readonly { readonly name: string }[],
    faults: Faults,
  ) {
    this.#kind = kind;
    this.#before = new Set(before.map(nameOf));
    this.#after = new Set(after.map(nameOf));
    this.#faults = faults;
  }

  check({ thing, wrote }: Compared<unknown>, member: string, names: readonly string[]): void {
    for (const name of names) {
      if (this.#after.has(name)) continue;
      const missing = `there is no ${this.#kind} "${printable(name)}"`;
      if (wrote(member))
        this.#faults.add(thing, member, `${missing}: declare it under "${this.#kind}s" of this tenant`, name);
      else if (this.#before.has(name))
        this.#faults.add(thing, member, `${missing} after this: keep it in the file, or write this member too`);
    }
  }
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

function checkClients(written: PartialTenant, before: TenantSpec, after: TenantSpec, faults: Faults): void {
  const { ttlSeconds } = after.tokens;
  for (const project of after.projects) {
    const said = written.projects?.find(({ id }) => id === project.id);
    const had = before.projects.find(({ id }) => id === project.id);
    for (const client of compare('clients', said?.clients, had?.clients ?? [], project.clients, idOf)) {
      const isLonger = (client.after.ttlSeconds ?? 0) > ttlSeconds;
      if (isLonger && (client.wrote('ttlSeconds') || before.tokens.ttlSeconds !== ttlSeconds))
        faults.add(client.thing, 'ttl', `must be at most the tenant's ttl, ${formatDuration(ttlSeconds)}`);
      const isOpen = client.after.policy.kind === 'secretless' && client.after.surfaces.includes('admin');
      if (isOpen && (client.wrote('policy') || client.wrote('surfaces')))
        faults.add(
          client.thing,
          'surfaces',
          'a secretless client may have the user surface only: write "surfaces: [user]"',
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
