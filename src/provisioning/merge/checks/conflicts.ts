import { parseEmail } from '../../../domain/email.ts';
import type { PartialTenant, Place } from '../../file/partial-tenants-file.ts';
import type { PersonSpec, TenantSpec } from '../../file/tenants-file.ts';
import type { Faults, ListName } from '../thing.ts';

const FIX = 'remove one of them, or apply with --prune to remove what the file leaves out';

/** Reports values of the merged tenant that two things have and only one may have. */
export function checkConflicts(written: PartialTenant, tenant: TenantSpec, faults: Faults): void {
  const report = (list: 'issuers' | 'users' | 'admins', member: string, kind: string, what: string) => {
    const places = new Map(written[list]?.map(({ id, place }) => [id, place]));
    return ([a, b]: readonly [{ readonly id: string }, { readonly id: string }]): void => {
      const named = placed(list, places, places.has(b.id) ? b.id : a.id);
      faults.add(named, member, `${kind} "${a.id}" and "${b.id}" have the same ${what}: ${FIX}`);
    };
  };
  twice(tenant.issuers, ({ issuer }) => (issuer === '' ? [] : [issuer])).forEach(
    report('issuers', 'issuer', 'issuers', 'URL'),
  );
  const lists = [
    ['users', 'users'],
    ['admins', 'administrators'],
  ] as const;
  checkSharedIds(written, tenant, faults);
  for (const [list, kind] of lists) {
    const persons: readonly PersonSpec[] = tenant[list];
    twice(persons, ({ email }) => (email === '' ? [] : [parseEmail(email)?.canonical ?? email])).forEach(
      report(list, 'email', kind, 'e-mail address'),
    );
    twice(persons, ({ identities }) => identities.map(({ issuer, sub }) => JSON.stringify([issuer, sub]))).forEach(
      report(list, 'identities', kind, 'identity'),
    );
  }
}

/**
 * A user and an administrator of one id would be one subject to services, and to a revocation. A pair of an earlier version stays until the file writes
 * one of them; meanwhile the user gets no token.
 */
function checkSharedIds(written: PartialTenant, tenant: TenantSpec, faults: Faults): void {
  const administrators = new Set(tenant.admins.map(({ id }) => id));
  const message = (id: string) => `user and administrator "${id}" have one id: give one of them another`;
  for (const { id } of tenant.users.filter((user) => administrators.has(user.id))) {
    const user = written.users?.find((one) => one.id === id);
    const administrator = written.admins?.find((one) => one.id === id);
    if (administrator !== undefined)
      faults.add({ list: 'admins', name: id, place: administrator.place }, 'id', message(id));
    else if (user !== undefined) faults.add({ list: 'users', name: id, place: user.place }, 'id', message(id));
  }
}

function placed(list: ListName, places: ReadonlyMap<string, Place | undefined>, name: string) {
  return { list, name, place: places.get(name) };
}

function twice<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): [T, T][] {
  const seen = new Map<string, T>();
  const pairs: [T, T][] = [];
  for (const item of items) {
    for (const key of keysOf(item)) {
      const first = seen.get(key);
      if (first === undefined) seen.set(key, item);
      else if (first !== item) pairs.push([first, item]);
    }
  }
  return pairs;
}
