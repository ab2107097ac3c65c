import type { Condition, Trust } from '../../tenancy/tenant.ts';
import { claimAt } from './json-pointer.ts';

type Claims = Readonly<Record<string, unknown>>;

/** Whether the claims meet one condition. A claim that is missing, or of another type than the condition is about, meets none. */
export function meets(claims: Claims, claim: string, condition: Condition): boolean {
  const value = claimAt(claims, claim);
  // RFC 6749, section 3.3: scopes are separated by a space. No other white space separates them.
  if ('contains' in condition) return typeof value === 'string' && value.split(' ').includes(condition.contains);
  if ('hasKey' in condition) return isMap(value) && hasKey(value, condition.hasKey);
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.some((item) => condition.some((wanted) => wanted === item));
}

/** A key with `null` or `false` behind it says that the account does not have what the key stands for. */
function hasKey(map: Claims, key: string): boolean {
  return Object.hasOwn(map, key) && map[key] !== null && map[key] !== false;
}

export function isMap(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The claim of the first condition that the token does not meet; undefined if it meets all of them. */
export function failedCondition(claims: Claims, conditions: Exclude<Trust['conditions'], 'none'>): string | undefined {
  for (const [claim, condition] of conditions) if (!meets(claims, claim, condition)) return claim;
  return undefined;
}

/** Names in the tenants file are so already. The audit's column holds ASCII of limited length, whatever SQL wrote into the row. */
export function printableName(claim: string): string {
  return claim.slice(0, 128).replace(/[^\x20-\x7e]/g, '?');
}
