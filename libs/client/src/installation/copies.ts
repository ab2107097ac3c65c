import { type Abstract, type FactoryProvider, Scope, type Type } from '@nestjs/common';

type InjectedClass = Type | Abstract<unknown>;

// A registered symbol: each copy of this package in the process adds its classes.
const COPIES = Symbol.for('@tessera/client/injectedClasses');
const classes = ((globalThis as unknown as Record<symbol, Set<InjectedClass> | undefined>)[COPIES] ??= new Set());

/**
 * Nest finds providers by their class, and another copy of this package has other classes. These providers stand for those of the other copies: who
 * injects one gets a sentence about the copies in place of Nest's "can't resolve dependencies". Transient, so that nothing happens until then.
 *
 * @param own the classes of this copy
 */
export function providersForOtherCopies(own: readonly InjectedClass[]): FactoryProvider[] {
  return [...classes]
    .filter((type) => !own.includes(type))
    .map((provide) => ({
      provide,
      scope: Scope.TRANSIENT,
      useFactory: () => {
        throw new TypeError(
          `Tessera: ${provide.name} is injected from another copy of @tessera/client than the one whose TesseraClientModule is imported: run "npm ls @tessera/client" and leave one copy, and load it only by import or only by require`,
        );
      },
    }));
}

export function announceToOtherCopies(own: readonly InjectedClass[]): void {
  for (const type of own) classes.add(type);
}
