import 'reflect-metadata';
import type { Requirement } from './requirement.ts';

/** What the decorators of this package wrote for one method or one class. */
export interface WrittenRules {
  readonly isPublic: boolean;
  readonly requirements: readonly Requirement[];
}

// Registered symbols, so that the guard reads the decorators of another copy of this package.
export const REQUIREMENTS = Symbol.for('@tessera/client/requirements');
export const PUBLIC = Symbol.for('@tessera/client/public');

/**
 * Nest's metadata is on the function, and is lost with it when another decorator replaces the function. So each rule is also recorded for the object
 * that holds the method, a prototype, and the method's name; a rule of a class for its prototype.
 */
const RECORD = Symbol.for('@tessera/client/record');
const RECORDED_KEYS = Symbol.for('@tessera/client/recordedKeys');

const NOTHING: WrittenRules = { isPublic: false, requirements: [] };

/** @param key undefined for a rule of the class that has this prototype */
export function record(holder: object, key: PropertyKey | undefined, rule: Requirement | 'public'): void {
  const before = recordOf(holder, key) ?? NOTHING;
  const after: WrittenRules =
    rule === 'public' ? { ...before, isPublic: true } : { ...before, requirements: [...before.requirements, rule] };
  if (key === undefined) {
    Reflect.defineMetadata(RECORD, after, holder);
    return;
  }
  Reflect.defineMetadata(RECORD, after, holder, key as string | symbol);
  Reflect.defineMetadata(RECORDED_KEYS, [...new Set([...recordedKeys(holder), key])], holder);
}

/** Only what was written for this holder itself, not for one that it inherits from. */
export function recordOf(holder: object, key: PropertyKey | undefined): WrittenRules | undefined {
  return (
    key === undefined
      ? Reflect.getOwnMetadata(RECORD, holder)
      : Reflect.getOwnMetadata(RECORD, holder, key as string | symbol)
  ) as WrittenRules | undefined;
}

/** The methods of this holder itself for which something was written. */
export function recordedKeys(holder: object): readonly PropertyKey[] {
  return (Reflect.getOwnMetadata(RECORDED_KEYS, holder) as readonly PropertyKey[] | undefined) ?? [];
}

/** The prototype of a class and those that it inherits from, the nearest first. */
export function prototypesOf(type: object): readonly object[] {
  const prototypes: object[] = [];
  let prototype: unknown = (type as { readonly prototype?: unknown }).prototype;
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    prototypes.push(prototype);
    prototype = Object.getPrototypeOf(prototype);
  }
  return prototypes;
}
