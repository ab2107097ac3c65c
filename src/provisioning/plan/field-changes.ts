import { mayBeShown } from '../../domain/text/shown-change.ts';
import { byCodeUnit } from '../file/readers/read-fields.ts';

/** The members of a thing in the form of the tenants file. */
export type Members = Readonly<Record<string, unknown>>;

/** One member that an update changes. A member that holds addresses is named without values. */
export interface FieldChange {
  readonly field: string;
  /** In the form of the tenants file; null for a member that has no value. */
  readonly from?: unknown;
  readonly to?: unknown;
}

/** Members about a person. `sub` of an identity may be an e-mail address. */
const PERSONAL: ReadonlySet<string> = new Set(['email', 'identities']);

/** @returns the members that differ, in the order of `after` */
export function diffMembers(before: Members, after: Members): FieldChange[] {
  return [...new Set([...Object.keys(after), ...Object.keys(before)])]
    .map((field) => ({ field, from: before[field] ?? null, to: after[field] ?? null }))
    .filter(({ from, to }) => canonicalJson(from) !== canonicalJson(to))
    .map((change) => (isPersonal(change) ? { field: change.field } : change));
}

/** A condition of an issuer may hold an address too, so that every value with an "@" counts. */
function isPersonal({ field, from, to }: Required<FieldChange>): boolean {
  return PERSONAL.has(field) || !mayBeShown(from, to);
}

/** Serializes independently of the order of members. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => byCodeUnit(a, b)))
      : inner,
  );
}
