import 'reflect-metadata';
import type { Requirement } from './requirement.ts';

// Registered: what one copy of this package writes, the guard of another reads.
const REQUIREMENTS = Symbol.for('@tessera/client/requirements');
const PUBLIC = Symbol.for('@tessera/client/public');

/** What was read, by method and class: decorators run once, guards on every call. Whichever copy of this package writes a rule forgets all of it. */
interface KnownRules {
  ofHandlers: WeakMap<object, WeakMap<object, TargetRules>>;
}
const KNOWN = Symbol.for('@tessera/client/knownRules');
const known = ((globalThis as unknown as Record<symbol, KnownRules | undefined>)[KNOWN] ??= {
  ofHandlers: new WeakMap(),
});

/** What the decorators on one method or one class say; for a class, those of the classes that it extends included. */
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
  // The list of a class that is extended is copied and not touched.
  Reflect.defineMetadata(REQUIREMENTS, [...rulesOn(target).requirements, requirement], target);
  known.ofHandlers = new WeakMap();
}

export function markPublic(target: object): void {
  Reflect.defineMetadata(PUBLIC, true, target);
  known.ofHandlers = new WeakMap();
}

/**
 * What holds for a call of a handler: class and method add up, a method never loosens its class. `@Public()` on the method opens it; on the class it
 * opens only methods that ask for nothing. Where `@Public()` and a requirement stand on one target, the requirement holds.
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
