import 'reflect-metadata';
import type { Requirement } from './requirement.ts';

// A registered symbol, so that the guard reads the decorators of another copy of this package.
const REQUIREMENTS = Symbol.for('@tessera/client/requirements');
const PUBLIC = Symbol.for('@tessera/client/public');

/**
 * A cache of the rules by method and class: decorators run once, the guard on every call. Every write of a rule, by any copy of this package, clears
 * it.
 */
interface KnownRules {
  ofHandlers: WeakMap<object, WeakMap<object, TargetRules>>;
}
const KNOWN = Symbol.for('@tessera/client/knownRules');
const known = ((globalThis as unknown as Record<symbol, KnownRules | undefined>)[KNOWN] ??= {
  ofHandlers: new WeakMap(),
});

/** The rules that the decorators put on one method or class. Those of a class include the rules of the classes that it extends. */
export interface TargetRules {
  readonly isPublic: boolean;
  readonly requirements: readonly Requirement[];
}

export function rulesOn(target: object): TargetRules {
  return {
    isPublic: Reflect.getMetadata(PUBLIC, target) === true,
    requirements: (Reflect.getMetadata(REQUIREMENTS, target) as readonly Requirement[] | undefined) ?? [],
  };
}

export function addRequirement(target: object, requirement: Requirement): void {
  // Copies the list of the extended class, so that the class itself is unchanged.
  Reflect.defineMetadata(REQUIREMENTS, [...rulesOn(target).requirements, requirement], target);
  known.ofHandlers = new WeakMap();
}

export function markPublic(target: object): void {
  Reflect.defineMetadata(PUBLIC, true, target);
  known.ofHandlers = new WeakMap();
}

/**
 * The rules for a call of a handler. Requirements of class and method add up; a method never loosens its class. `@Public()` on a method opens it; on
 * a class it opens only methods without a requirement. If one target has both `@Public()` and a requirement, the requirement applies.
 */
export function accessRulesOf(type: object, handler: object): TargetRules {
  const rules = known.ofHandlers.get(handler)?.get(type);
  if (rules !== undefined) return rules;
  const combined = combineRules(type, handler);
  let ofTypes = known.ofHandlers.get(handler);
  if (ofTypes === undefined) known.ofHandlers.set(handler, (ofTypes = new WeakMap()));
  ofTypes.set(type, combined);
  return combined;
}

function combineRules(type: object, handler: object): TargetRules {
  const ofClass = rulesOn(type);
  const ofMethod = rulesOn(handler);
  const isPublic =
    ofMethod.requirements.length === 0 &&
    (ofMethod.isPublic || (ofClass.isPublic && ofClass.requirements.length === 0));
  return { isPublic, requirements: isPublic ? [] : [...ofClass.requirements, ...ofMethod.requirements] };
}
