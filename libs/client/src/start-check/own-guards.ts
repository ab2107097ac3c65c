import { isTesseraGuard } from '../guard/guard-mark.ts';
import { prototypesOf } from '../rules/written-rules.ts';
import type { Handler, Host } from './handler.ts';
import { GUARDS_METADATA } from './nest-metadata.ts';

/** Whether the method or its class has `@UseGuards(TesseraGuard)`. A test may replace that guard with `overrideGuard`. */
export function hasOwnGuard(handler: Handler): boolean {
  return hasClassGuard(handler.host) || (hasMethodGuard(handler) && uselessGuardOf(handler) === undefined);
}

export function hasMethodGuard({ method }: Handler): boolean {
  return isIn(guardsOf(method));
}

/** Whether the method or its class has a guard of whatever kind. */
export function hasAnyGuard({ host, method }: Handler): boolean {
  return guardsOf(method).length > 0 || guardsOf(host.metatype).length > 0;
}

/**
 * Why Nest will not ask the TesseraGuard that the method or its class has. `uncreated`: it has created no such guard for the module. `replaceable`: Nest
 * reads the guards of a method from the function that the instance has under its name. Which one a request-scoped object has shows only at each call.
 * `replaced`: the instance has a function without the guard.
 *
 * @returns undefined also if there is none
 */
export function uselessGuardOf({ host, key, method }: Handler): 'uncreated' | 'replaceable' | 'replaced' | undefined {
  if (!isIn(guardsOf(method)))
    return isIn(guardsOf(host.metatype)) && !isIn(createdFor(host, host.metatype)) ? 'uncreated' : undefined;
  if (!isIn(createdFor(host, method))) return 'uncreated';
  if (!host.isStatic) return 'replaceable';
  const called: unknown = Reflect.get(host.instance, key);
  return typeof called === 'function' && !isIn(createdFor(host, called)) ? 'replaced' : undefined;
}

/** Whether it overrides a method with `@UseGuards(TesseraGuard)` and has no guards itself. */
export function overridesGuardedMethod(handler: Handler): boolean {
  if (hasAnyGuard(handler)) return false;
  const { host, key } = handler;
  return prototypesOf(host).some((prototype) => {
    const overridden: unknown = Object.getOwnPropertyDescriptor(prototype, key)?.value;
    return typeof overridden === 'function' && isIn(guardsOf(overridden));
  });
}

/** They are two where a class decorator has replaced the class, and versions of Nest differ in which one they ask. */
function hasClassGuard(host: Host): boolean {
  return isIn(createdFor(host, host.metatype)) && isIn(createdFor(host, host.type));
}

function guardsOf(target: object): readonly unknown[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) as readonly unknown[] | undefined) ?? [];
}

/** Those that Nest asks. A guard that is an object needs no creation. */
function createdFor({ injectables }: Host, target: object): readonly unknown[] {
  return guardsOf(target).filter((guard) => typeof guard !== 'function' || injectables.has(guard));
}

function isIn(guards: readonly unknown[]): boolean {
  return guards.some(isTesseraGuard);
}
