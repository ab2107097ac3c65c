import { memberName } from '../file/member-names.ts';
import type { Member, Place } from '../file/partial-tenants-file.ts';
import { type ValidationError, ValidationErrors } from '../file/validation-error.ts';

/** A list of things in the file, as errors name it. */
export type ListName =
  'tenants' | 'issuers' | 'projects' | 'clients' | 'scopes' | 'roles' | 'groups' | 'users' | 'admins';

/** A thing as errors name it: by its place in the file, or by its list and id if the file does not hold it. */
export interface Thing {
  readonly list: ListName;
  readonly name: string;
  readonly place?: Place | undefined;
}

/** The errors of one tenant that need the merged whole. */
export class Faults {
  readonly #tenantId: string;
  readonly #errors = new ValidationErrors();

  constructor(tenantId: string) {
    this.#tenantId = tenantId;
  }

  /** @param item of the member, when it is a list */
  add({ list, name, place }: Thing, member: string, message: string, item?: string): void {
    if (place !== undefined && place.has(member)) {
      this.#errors.add(place.of(member, item), message);
      return;
    }
    const tenant = list === 'tenants' ? '' : `tenants "${this.#tenantId}", `;
    const owner = place?.at.owner ?? { thing: `${tenant}${list} "${name}"` };
    this.#errors.add(
      place === undefined ? { ...owner, member } : { ...place.at, owner: { thing: owner.thing, member } },
      message,
    );
  }

  list(): readonly ValidationError[] {
    return this.#errors.list();
  }
}

/** Marks a member that has no default: a new thing must say it. */
class Needed<T> {
  constructor(
    readonly hint: string,
    /** Stands for the value while other errors are looked for. */
    readonly placeholder: T,
  ) {}
}

export function needed<T>(hint: string, placeholder: NoInfer<T>): Needed<T> {
  return new Needed(hint, placeholder);
}

export type Defaults<Spec, Key extends keyof Spec> = {
  readonly [Name in Exclude<keyof Spec, Key>]: Spec[Name] | Needed<Spec[Name]>;
};

/**
 * Merges the members of one thing: those that are written, those that it has, and the defaults of a new one.
 *
 * @param before undefined for a new thing
 */
export function mergeMembers<Spec extends object, Key extends keyof Spec>(
  thing: Thing,
  written: { readonly [Name in Exclude<keyof Spec, Key>]?: Member<Spec[Name]> },
  before: Spec | undefined,
  defaults: Defaults<Spec, Key>,
  faults: Faults,
): Omit<Spec, Key> {
  const merged: Partial<Record<string, unknown>> = {};
  for (const [key, fallback] of Object.entries<unknown>(defaults)) {
    const value = (written as Partial<Record<string, unknown>>)[key];
    if (value !== undefined && value !== null) merged[key] = value;
    else if (value === undefined && before !== undefined) merged[key] = (before as Record<string, unknown>)[key];
    else if (fallback instanceof Needed) {
      reportNeeded(thing, memberName(key), value, fallback.hint, faults);
      merged[key] = fallback.placeholder;
    } else merged[key] = fallback;
  }
  return merged as unknown as Omit<Spec, Key>;
}

const KINDS: Readonly<Record<ListName, string>> = {
  tenants: 'a tenant',
  issuers: 'an issuer',
  projects: 'a project',
  clients: 'a client',
  scopes: 'a scope',
  roles: 'a role',
  groups: 'a group',
  users: 'a user',
  admins: 'an administrator',
};

function reportNeeded(thing: Thing, member: string, value: null | undefined, hint: string, faults: Faults): void {
  if (value === null) faults.add(thing, member, `must not be null, because it has no default: ${hint}`);
  // A member that is written but undefined was invalid, which has been reported.
  else if (thing.place?.has(member) !== true)
    faults.add(thing, '', `${KINDS[thing.list]} needs "${member}": ${hint} (it does not exist yet)`);
}
