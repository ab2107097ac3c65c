import type { ModulesContainer } from '@nestjs/core';
import { accessRulesOf, rulesOnClass } from '../rules/access-rules.ts';
import { demandClassRules, demandMethod, isLooser } from '../rules/lost-rules.ts';
import { prototypesOf, type WrittenRules } from '../rules/written-rules.ts';

export type NestModule = ModulesContainer extends Map<string, infer Module> ? Module : never;
export type Provider = NestModule['providers'] extends Map<unknown, infer Wrapper> ? Wrapper : never;

/** An object whose methods Nest calls: a controller, a gateway or a resolver. */
export interface Host {
  /** The class as Nest was given it, which a class decorator may have put around the one below. It has the guards. */
  readonly metatype: object;
  /** The class that the guard is given. It has the rules. */
  readonly type: { readonly name: string };
  readonly prototype: object;
  /** Request-scoped: an object without state, on which no constructor ran. */
  readonly instance: object;
  readonly isStatic: boolean;
  /** The request-scoped and transient global guards that Nest gives to this host, among others. */
  readonly enhancers: readonly unknown[];
  /** What Nest has created for this host's module. It skips a guard class in `@UseGuards()` that is not in it, without a word. */
  readonly injectables: { has(guard: unknown): boolean };
}

export interface Handler {
  readonly host: Host;
  readonly key: string;
  /** For messages. */
  readonly name: string;
  /** The function of the prototype, which has Nest's metadata. */
  readonly method: object;
}

export function hostOf(wrapper: Provider): Host | undefined {
  const instance: unknown = wrapper.instance;
  if (typeof instance !== 'object' || instance === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(instance);
  if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) return undefined;
  const type: unknown = Reflect.get(prototype, 'constructor');
  if (typeof type !== 'function') return undefined;
  const metatype: unknown = wrapper.isNotMetatype ? type : wrapper.metatype;
  return {
    metatype: typeof metatype === 'function' ? metatype : type,
    type,
    prototype,
    instance,
    isStatic: wrapper.isDependencyTreeStatic(),
    enhancers: (wrapper.getEnhancersMetadata() as readonly unknown[] | undefined) ?? [],
    injectables:
      (wrapper.host?.injectables as ReadonlyMap<unknown, unknown> | undefined) ?? new Map<unknown, unknown>(),
  };
}

/** The methods in which Nest looks for handlers: with a string as the name, own and inherited, no accessors; of two with one name, the nearer. */
export function methodsOf(host: Host): readonly Handler[] {
  const methods = new Map<string, Handler>();
  const seen = new Set<string>(['constructor']);
  for (const prototype of prototypesOf(host))
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (!seen.has(key) && typeof value === 'function')
        methods.set(key, { host, key, name: `${host.type.name}.${key}`, method: value as object });
      seen.add(key);
    }
  return [...methods.values()];
}

export function hasMetadata(key: string, { method }: Handler): boolean {
  return Reflect.getMetadata(key, method) !== undefined;
}

/**
 * Nest reads the metadata of the prototype's function, but in some transports calls what the instance has under the same name. Both must carry the
 * rules.
 *
 * @throws TypeError if one of them does not
 */
export function rulesOf({ host, key, name, method }: Handler): WrittenRules {
  // A class decorator may have put a prototype around the one of the class that the guard is given.
  demandClassRules(host.type, rulesOnClass(host.type), prototypesOf(host));
  const rules = accessRulesOf(host.type, method);
  const called: unknown = Reflect.get(host.instance, key);
  if (typeof called !== 'function' || called === method) return rules;
  demandMethod(host.type, called, name);
  const ofCalled = accessRulesOf(host.type, called);
  if (isLooser(ofCalled, rules))
    throw new TypeError(
      `${name}: Nest calls the function "${called.name}" of the instance in the place of this method, and it carries less than what is required here: remove what replaces the method on the instance`,
    );
  return ofCalled;
}
