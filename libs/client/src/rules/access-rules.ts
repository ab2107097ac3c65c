import 'reflect-metadata';
import { registerHandler } from './known-handlers.ts';
import { demandClassRules, demandHandler, demandMethodRules } from './lost-rules.ts';
import type { Requirement } from './requirement.ts';
import { PUBLIC, record, REQUIREMENTS, type WrittenRules } from './written-rules.ts';

/**
 * A cache of the rules by method and class: decorators run once, the guard on every call. Every write of a rule, by any copy of this package, clears
 * it.
 */
interface KnownRules {
  ofHandlers: RulesByHandler;
  ofCalls: RulesByHandler;
}
type RulesByHandler = WeakMap<object, WeakMap<object, WrittenRules>>;
const KNOWN = Symbol.for('@tessera/client/knownRules');
const known = ((globalThis as unknown as Record<symbol, KnownRules | undefined>)[KNOWN] ??= {
  ofHandlers: new WeakMap(),
  ofCalls: new WeakMap(),
});

/** What a decorator stands on: a class, or a method by the object that holds it, its name and its function. */
export type RuleTarget =
  | { readonly type: object }
  | { readonly holder: object; readonly key: PropertyKey; readonly method: object | undefined };

export function addRequirement(target: RuleTarget, requirement: Requirement): void {
  write(target, requirement, (on) => {
    const before = (Reflect.getOwnMetadata(REQUIREMENTS, on) as readonly Requirement[] | undefined) ?? [];
    Reflect.defineMetadata(REQUIREMENTS, [...before, requirement], on);
  });
}

export function markPublic(target: RuleTarget): void {
  write(target, 'public', (on) => {
    Reflect.defineMetadata(PUBLIC, true, on);
  });
}

function write(target: RuleTarget, rule: Requirement | 'public', define: (on: object) => void): void {
  const on = 'type' in target ? target.type : target.method;
  if (on !== undefined) define(on);
  if ('holder' in target) record(target.holder, target.key, rule);
  else {
    const { prototype } = target.type as { readonly prototype?: object };
    if (prototype !== undefined) record(prototype, undefined, rule);
  }
  forgetRules();
}

/** Tells the guard of a function that Nest calls. Where it knows such functions of a class, it refuses those that took the place of one. */
export function addHandler(type: object, method: object): void {
  registerHandler(type, method);
  forgetRules();
}

function forgetRules(): void {
  known.ofHandlers = new WeakMap();
  known.ofCalls = new WeakMap();
}

/** The rules of a class. The requirements of the classes that it extends apply to it, their `@Public()` does not. */
export function rulesOnClass(type: object): WrittenRules {
  const requirements: Requirement[] = [];
  for (let at: unknown = type; typeof at === 'function' && at !== Function.prototype; at = Object.getPrototypeOf(at))
    requirements.unshift(...((Reflect.getOwnMetadata(REQUIREMENTS, at) as readonly Requirement[] | undefined) ?? []));
  return { isPublic: Reflect.getOwnMetadata(PUBLIC, type) === true, requirements: [...new Set(requirements)] };
}

/** The rules in the metadata of a function. */
export function rulesOnMethod(method: object): WrittenRules {
  return {
    isPublic: Reflect.getMetadata(PUBLIC, method) === true,
    requirements: (Reflect.getMetadata(REQUIREMENTS, method) as readonly Requirement[] | undefined) ?? [],
  };
}

/**
 * The rules for a call of a handler. Requirements of class and method add up; a method never loosens its class. `@Public()` on a method opens it; on
 * a class it opens only methods without a requirement. If one target has both `@Public()` and a requirement, the requirement applies.
 *
 * @throws TypeError if a rule was written that neither class nor function carries: it would be skipped
 */
export function accessRulesOf(type: object, handler: object): WrittenRules {
  return cached(known.ofHandlers, type, handler, combineRules);
}

/**
 * The same for a call in a transport whose handlers the start has found.
 *
 * @throws TypeError also if the function is none of them and lets in what one of them refuses
 */
export function callRulesOf(type: object, handler: object): WrittenRules {
  return cached(known.ofCalls, type, handler, rulesOfHandler);
}

function rulesOfHandler(type: object, handler: object): WrittenRules {
  demandHandler(type, handler, rulesOnMethod);
  return accessRulesOf(type, handler);
}

function cached(
  cache: RulesByHandler,
  type: object,
  handler: object,
  find: (type: object, handler: object) => WrittenRules,
): WrittenRules {
  const before = cache.get(handler)?.get(type);
  if (before !== undefined) return before;
  const rules = find(type, handler);
  let ofTypes = cache.get(handler);
  if (ofTypes === undefined) cache.set(handler, (ofTypes = new WeakMap()));
  ofTypes.set(type, rules);
  return rules;
}

function combineRules(type: object, handler: object): WrittenRules {
  const ofClass = rulesOnClass(type);
  const ofMethod = rulesOnMethod(handler);
  demandClassRules(type, ofClass);
  demandMethodRules(type, handler, ofMethod);
  const isPublic =
    ofMethod.requirements.length === 0 &&
    (ofMethod.isPublic || (ofClass.isPublic && ofClass.requirements.length === 0));
  return { isPublic, requirements: isPublic ? [] : [...ofClass.requirements, ...ofMethod.requirements] };
}
