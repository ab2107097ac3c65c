import 'reflect-metadata';

// A registered symbol, so that the guard of another copy of this package reads what the start has found.
const HANDLERS = Symbol.for('@tessera/client/handlers');

/** Keeps the functions of a class that Nest calls. */
export function registerHandler(type: object, method: object): void {
  const before = handlersOf(type);
  if (before?.has(method) !== true) Reflect.defineMetadata(HANDLERS, new Set([...(before ?? []), method]), type);
}

/** @returns undefined if the start has found none, as in other libraries' transports */
export function handlersOf(type: object): ReadonlySet<object> | undefined {
  return Reflect.getOwnMetadata(HANDLERS, type) as ReadonlySet<object> | undefined;
}
