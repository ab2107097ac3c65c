import { isMap, meets } from '../../identity-providers/claims/conditions.ts';
import { claimAt } from '../../identity-providers/claims/json-pointer.ts';
import type { Condition, Trust } from '../../tenancy/tenant.ts';
import { several } from './compare-token.ts';
import { visible, visibleJson } from '../../domain/text/visible-text.ts';

type Claims = Readonly<Record<string, unknown>>;

/** A condition that a token does not meet, for the operator who holds the token. It says what the token has: never for a log or a record. */
export interface UnmetCondition {
  readonly claim: string;
  readonly wants: string;
  readonly has: string;
  /** How to write the condition, if it is about another type than the claim has and so can never be met. */
  readonly mend: string | null;
}

export function unmetConditions(claims: Claims, { conditions }: Pick<Trust, 'conditions'>): readonly UnmetCondition[] {
  if (conditions === 'none') return [];
  return [...conditions]
    .filter(([claim, condition]) => !meets(claims, claim, condition))
    .map(([claim, condition]) => {
      const value = claimAt(claims, claim);
      return { claim, wants: wanted(condition), has: found(value), mend: mendOfType(condition, value) };
    });
}

export function unmetConditionText({ claim, wants, has, mend }: UnmetCondition): string {
  return `${visible(claim)}: wants ${wants}, the token has ${has}${mend === null ? '' : `: ${mend}`}`;
}

function mendOfType(condition: Condition, value: unknown): string | null {
  if (value === undefined || isOfType(condition, value)) return null;
  if (isMap(value)) return 'write { has_key: ... }, or a path to what is in the map';
  if (Array.isArray(value)) {
    if ('contains' in condition || 'hasKey' in condition) return 'write the value that must be in the list';
    return value.every(isMap) || value.every(Array.isArray)
      ? 'no condition reaches into such a list'
      : quotes(value[0]);
  }
  if (typeof value === 'string' && ('contains' in condition || 'hasKey' in condition))
    return 'write { contains: ... } for a word in a text';
  return value === null ? 'no condition is met by null' : quotes(value);
}

function quotes(value: unknown): string {
  return typeof value === 'string' ? 'write the value in quotes' : 'write the value without quotes';
}

/** Whether some value of the claim's type would meet the condition. */
function isOfType(condition: Condition, value: unknown): boolean {
  if ('contains' in condition) return typeof value === 'string';
  if ('hasKey' in condition) return isMap(value);
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const types = new Set<string>(condition.map((one) => typeof one));
  return items.length === 0 || items.some((item) => types.has(typeof item));
}

function wanted(condition: Condition): string {
  if ('contains' in condition) return `a text with the word ${quoted(condition.contains)}`;
  if ('hasKey' in condition) return `a map with the key ${quoted(condition.hasKey)}`;
  return condition.map(shown).join(' or ');
}

// What fits on a line.
const SHOWN_CHARACTERS = 80;

function found(value: unknown): string {
  if (value === undefined) return 'no such claim';
  if (Array.isArray(value))
    return value.length === 0 ? 'an empty list' : `a list with ${several<unknown>(value, shown)}`;
  if (!isMap(value)) return shown(value);
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty map' : `a map with the keys ${several(keys, quoted)}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `the text ${quoted(value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'a map';
}

/** No e-mail address is printed: terminals are logged. */
function quoted(text: string): string {
  if (text.includes('@')) return '(with an "@", not shown)';
  return visibleJson(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text, 0);
}
