import type { ModulesContainer } from '@nestjs/core';
import { accessRulesOf, rulesOnClass } from '../guard/access-rules.ts';
import { demandClassRules } from '../guard/lost-rules.ts';
import { prototypesOf, type WrittenRules } from '../guard/written-rules.ts';

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
export function rulesOf({ host, key, method }: Handler): WrittenRules {
  // A class decorator may have put a prototype around the one of the class that the guard is given.
  demandClassRules(host.type, rulesOnClass(host.type), prototypesOf(host));
  const called: unknown = Reflect.get(host.instance, key);
  const rules = accessRulesOf(host.type, method);
  return typeof called === 'function' && called !== method ? accessRulesOf(host.type, called) : rules;
}
