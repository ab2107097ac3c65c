import type { TesseraVerifier } from '../tessera-verifier.ts';

/** A strategy of this package under a name of passport's. */
export interface NamedStrategy {
  readonly name: string;
  readonly verifier: TesseraVerifier;
  /** From the start of its application until its end. */
  isServing: boolean;
}

/** The part of passport that finds a strategy by its name. The name is valid for the whole process. */
export interface StrategiesByName {
  _strategy(name: string): unknown;
}

// A registered symbol, so that strategies of another copy of this package are recognized.
const STRATEGY = Symbol.for('@tessera/client/strategy');

export function markStrategy(strategy: NamedStrategy): void {
  Object.defineProperty(strategy, STRATEGY, { value: true });
}

/**
 * Called before a strategy takes its name: the routes of the application that has it would ask the wrong verifier from then on.
 *
 * @throws TypeError that ends with the fix
 */
export function refuseNameInUse(passport: StrategiesByName, { name, verifier }: NamedStrategy): void {
  const holder = strategyNamed(passport, name);
  if (holder?.isServing === true && holder.verifier !== verifier)
    throw new TypeError(
      `Tessera: another application in this process guards its routes with the passport strategy '${name}': close it first, or give this strategy another name with static readonly passportName and write that name in AuthGuard()`,
    );
}

/**
 * Called when the application has started: routes with this name in `AuthGuard()` must ask this strategy.
 *
 * @throws TypeError that ends with the fix
 */
export function demandName(passport: StrategiesByName, strategy: NamedStrategy): void {
  const { name, verifier } = strategy;
  const holder = strategyNamed(passport, name);
  if (holder === strategy) return;
  // The same class may be a provider of two modules.
  if (holder !== undefined && holder.verifier === verifier && holder.constructor === strategy.constructor) return;
  throw new TypeError(
    `Tessera: ${strategy.constructor.name} and another strategy have the same passport name '${name}', and AuthGuard('${name}') asks the other one: remove that one, or give each a name of its own, here with static readonly passportName`,
  );
}

function strategyNamed(passport: StrategiesByName, name: string): NamedStrategy | undefined {
  const holder = passport._strategy(name);
  return typeof holder === 'object' && holder !== null && STRATEGY in holder
    ? (holder as unknown as NamedStrategy)
    : undefined;
}
