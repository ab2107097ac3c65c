/** On TesseraGuard and so on the classes that extend it. A registered symbol, so that the guard of another copy of this package is recognized. */
export const TESSERA_GUARD: unique symbol = Symbol.for('@tessera/client/guard');

/** The verifier of a TesseraGuard, for the check of applications with several modules. Registered for the same reason. */
export const VERIFIER_OF_GUARD: unique symbol = Symbol.for('@tessera/client/verifierOfGuard');

/** @param guard what `@UseGuards()` takes: a class or an object */
export function isTesseraGuard(guard: unknown): boolean {
  if (typeof guard === 'function') return TESSERA_GUARD in guard;
  return typeof guard === 'object' && guard !== null && isTesseraGuard(guard.constructor);
}
