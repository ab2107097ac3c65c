import { parseJsonPointer } from '../../../identity-providers/claims/json-pointer.ts';
import type { Condition, ConditionValue } from '../../../tenancy/tenant.ts';
import { printable, type SourceNode } from '../source-node.ts';
import type { ValidationErrors } from '../validation-error.ts';
import { byCodeUnit, displayName, exactText, matching, type Reader, withoutPatterns } from './read-fields.ts';

/**
 * Reads claims and what they must have, sorted by claim.
 *
 * @param alternative what may be written instead of the map, for the error
 */
export function conditionMap(alternative = ''): Reader<readonly (readonly [claim: string, condition: Condition])[]> {
  return (node, errors) => {
    if (node.kind !== 'map' || node.entries.size === 0) {
      errors.add(node.at, `must be a map of claims and their allowed values, at least one${alternative}`);
      return undefined;
    }
    const conditions: [string, Condition][] = [];
    for (const [claim, { keyAt, value }] of node.entries) {
      conditionClaim({ kind: 'scalar', at: keyAt, value: claim, isWritten: true }, errors);
      conditions.push([claim, readCondition(claim, value, errors)]);
    }
    return conditions.sort(([a], [b]) => byCodeUnit(a, b));
  };
}

const conditionClaim = withoutPatterns(
  matching(
    (name) =>
      /^[\x21-\x7e]{1,128}$/.test(name) && (!name.startsWith('/') || parseJsonPointer(name) !== undefined)
        ? name
        : undefined,
    'a name of 1 to 128 printable ASCII characters without spaces; one that starts with "/" is a JSON pointer, with ~0 for "~" and ~1 for "/" within a name',
  ),
);

function readCondition(claim: string, node: SourceNode, errors: ValidationErrors): Condition {
  if (node.kind !== 'map') return readConditionValues(claim, node, errors);
  const [[kind, entry] = [], ...others] = node.entries;
  if (entry !== undefined && others.length === 0) {
    if (kind === 'contains') return { contains: word(entry.value, errors) ?? '' };
    if (kind === 'has_key') return { hasKey: mapKey(entry.value, errors) ?? '' };
  }
  errors.add(node.at, `${CONDITION_FORMS}, { contains: a word of a text } or { has_key: a key of a map }`);
  return [];
}

const CONDITION_FORMS = 'must be a text, a whole number, true or false';

const word = withoutPatterns(exactText);
/** Keys of maps are names that people give. */
const mapKey = withoutPatterns(displayName);

function readConditionValues(claim: string, node: SourceNode, errors: ValidationErrors): readonly ConditionValue[] {
  const nodes = node.kind === 'list' ? node.items : [node];
  if (nodes.length === 0) errors.add(node.at, `the condition on "${printable(claim)}" must allow at least one value`);
  const values = new Map<string, ConditionValue>();
  for (const item of nodes) {
    const value = withoutPatterns(conditionValue)(item, errors);
    if (value !== undefined) values.set(JSON.stringify(value), value);
  }
  return [...values].sort(([a], [b]) => byCodeUnit(a, b)).map(([, value]) => value);
}

const conditionValue: Reader<ConditionValue> = (node, errors) => {
  const value = node.kind === 'scalar' ? node.value : null;
  if (value === null || (typeof value === 'number' && !Number.isSafeInteger(value)) || value === '') {
    errors.add(node.at, CONDITION_FORMS);
    return undefined;
  }
  return value;
};
