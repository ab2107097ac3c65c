import { parseEmail } from '../../domain/email.ts';
import type { PartialTenant, Place } from '../file/partial-tenants-file.ts';
import type { PersonSpec, TenantSpec } from '../file/tenants-file.ts';
import type { Faults, ListName } from './thing.ts';

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
  for (const [list, kind] of lists) {
    const persons: readonly PersonSpec[] = tenant[list];
    twice(persons, ({ email }) => (email === '' ? [] : [parseEmail(email)?.canonical ?? email])).forEach(
      report(list, 'email', kind, 'e-mail address'),
    );
    twice(persons, ({ identities }) => identities.map(({ issuer, sub }) => `${issuer} ${sub}`)).forEach(
      report(list, 'identities', kind, 'identity'),
    );
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
