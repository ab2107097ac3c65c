import { handlersOf } from './known-handlers.ts';
import { prototypesOf, PUBLIC, recordedKeys, recordOf, REQUIREMENTS, type WrittenRules } from './written-rules.ts';

interface Method {
  /** The prototype that has the method as its own. */
  readonly holder: object;
  readonly key: PropertyKey;
}

/**
 * @param prototypes those of its instances
 * @throws TypeError if the class does not carry what was written for it or for a class that it extends
 */
export function demandClassRules(type: object, carried: WrittenRules, prototypes = prototypesOf(type)): void {
  for (const prototype of prototypes) {
    const written = recordOf(prototype, undefined);
    // `@Public()` is not inherited, so it can be lost for the class itself only.
    const isLost =
      written !== undefined &&
      (lacksRequirement(carried, written) || (prototype === prototypes[0] && written.isPublic && !carried.isPublic));
    if (isLost)
      throw new TypeError(
        `${nameOf(type)}: another decorator replaced this class, and Nest asks for the rules of the class below it: write the decorators of @tessera/client directly above the class`,
      );
  }
}

/**
 * @param handler the function that Nest calls
 * @param carried the rules in the function's metadata
 * @throws TypeError if the function does not carry what was written for the method, or for the method that it overrides
 */
export function demandMethodRules(type: object, handler: object, carried: WrittenRules): void {
  demandMethod(type, handler, nameOf(type));
  for (const method of methodsOf(type, handler)) demandRecord(type, method, carried);
}

/**
 * @param name of the handler or the class, for the message
 * @throws TypeError if the function is no method of the class, so that nothing tells which rules apply to it
 */
export function demandMethod(type: object, handler: object, name: string): void {
  if (methodsOf(type, handler).length === 0 && prototypesOf(type).some(requiresSomewhere))
    throw new TypeError(
      `${name}: Nest calls the function "${nameOf(handler)}", which is no method of this class and carries the rules of none: remove what replaces the method on the instance, such as this.method = this.method.bind(this)`,
    );
}

/**
 * A request-scoped object may have another method of its class in the place of a handler, and that one carries other rules.
 *
 * @param called the function that Nest calls
 * @throws TypeError if it is no handler that the start has compared, nor a copy of one, and carries less than a handler of the class
 */
export function demandHandler(type: object, called: object, rulesOf: (method: object) => WrittenRules): void {
  const handlers = handlersOf(type);
  if (handlers === undefined || handlers.has(called)) return;
  const methods = methodsOf(type, called);
  if (methods.some(({ holder, key }) => handlers.has(functionAt(holder, key) ?? type))) return;
  const carried = rulesOf(called);
  const isLoosened = [...handlers].some((handler) => isLooser(carried, rulesOf(handler)));
  if (isLoosened)
    throw new TypeError(
      `${nameOf(type)}: Nest calls the function "${nameOf(called)}" in the place of a handler: remove what replaces a handler on the instance, such as this.handler = this.otherMethod`,
    );
}

/** Whether these rules let in a call that the others refuse. */
export function isLooser(rules: WrittenRules, others: WrittenRules): boolean {
  return lacksRequirement(rules, others) || (rules.isPublic && !others.isPublic);
}

function demandRecord(type: object, { holder, key }: Method, carried: WrittenRules): void {
  const own = recordOf(holder, key);
  if (own !== undefined) {
    if (lacksRequirement(carried, own) || (own.isPublic && !carried.isPublic))
      throw new TypeError(
        `${nameOf(type)}.${String(key)}: another decorator replaced this method, and what @tessera/client's decorators wrote for it is lost: write them above the other decorator, or let it copy the method's metadata`,
      );
    return;
  }
  const overridden = prototypesBehind(holder).find((prototype) => recordOf(prototype, key) !== undefined);
  const written = overridden && recordOf(overridden, key);
  // An overridden `@Public()` leaves the method closed, which needs no word.
  if (overridden !== undefined && written !== undefined && lacksRequirement(carried, written))
    throw new TypeError(
      `${nameOf(type)}.${String(key)}: overrides ${nameOf(overridden.constructor)}.${String(key)} without the requirements of that method: write them, others or @Public() on this one`,
    );
}

/** Where the class has this function. Several names may share one function. */
function methodsOf(type: object, handler: object): readonly Method[] {
  const prototypes = prototypesOf(type);
  const all = prototypes.flatMap((holder) => Reflect.ownKeys(holder).map((key) => ({ holder, key })));
  const same = all.filter(({ holder, key }) => functionAt(holder, key) === handler);
  return same.length > 0 ? same : all.filter(({ holder, key }) => isCopyOf(handler, key, functionAt(holder, key)));
}

/**
 * Whether a function stands for a method, as the wrappers of a tracer do, which copy the method's metadata. That the metadata is whole is not enough
 * where no rule is in it: two routes without rules may have equal metadata. So there the name must be the method's, too.
 */
function isCopyOf(handler: object, key: PropertyKey, method: object | undefined): boolean {
  if (method === undefined) return false;
  const keys: readonly unknown[] = Reflect.getOwnMetadataKeys(method);
  const isWhole =
    keys.length > 0 &&
    keys.every((name) => Reflect.getOwnMetadata(name, handler) === Reflect.getOwnMetadata(name, method));
  const hasRules = keys.includes(REQUIREMENTS) || keys.includes(PUBLIC);
  return isWhole && (hasRules || nameOf(handler) === key);
}

/** Does not run accessors. */
function functionAt(holder: object, key: PropertyKey): object | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
  return typeof value === 'function' && key !== 'constructor' ? value : undefined;
}

function prototypesBehind(holder: object): readonly object[] {
  return prototypesOf({ prototype: Object.getPrototypeOf(holder) as unknown });
}

function requiresSomewhere(prototype: object): boolean {
  return recordedKeys(prototype).some((key) => (recordOf(prototype, key)?.requirements.length ?? 0) > 0);
}

function lacksRequirement(carried: WrittenRules, written: WrittenRules): boolean {
  return !written.requirements.every((requirement) => carried.requirements.includes(requirement));
}

function nameOf(target: object): string {
  return (target as { readonly name?: string }).name ?? '';
}
