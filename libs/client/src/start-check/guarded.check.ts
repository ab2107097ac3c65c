import type { WrittenRules } from '../rules/written-rules.ts';
import { type Handler, rulesOf } from './handler.ts';
import { hasOwnGuard, overridesGuardedMethod, uselessGuardOf } from './own-guards.ts';

/** What is known about the guards of a handler, besides those of its method and class. */
export interface AppliedGuards {
  /** Whether a global TesseraGuard is asked before this handler. */
  readonly globally: boolean;
  /** Whether the application has a global TesseraGuard, so that its author takes every handler to be closed. */
  readonly isExpected: boolean;
}

/**
 * Refuses a handler whose requirements no TesseraGuard asks for, and one that stays open although its author takes it to be closed.
 *
 * @param mend how this transport gets its guard
 * @throws TypeError that names the handler and ends with the fix
 */
export function checkGuarded(handler: Handler, { globally, isExpected }: AppliedGuards, mend: string): void {
  const rules = rulesOf(handler);
  if (rules.isPublic || globally || hasOwnGuard(handler)) return;
  if (isExpected || rules.requirements.length > 0 || overridesGuardedMethod(handler))
    throw new TypeError(
      `${handler.name}: no TesseraGuard is asked before this handler${reason(rules)}: ${mendOfOwnGuard(handler) ?? mend}`,
    );
}

export const USE_GUARD = 'put @UseGuards(TesseraGuard) on the method or its class';

function reason({ requirements }: WrittenRules): string {
  return requirements.length > 0 ? ', so its requirements would be skipped' : ', so it would be open';
}

/** @returns undefined where it has none */
function mendOfOwnGuard(handler: Handler): string | undefined {
  switch (uselessGuardOf(handler)) {
    case 'uncreated':
      return 'Nest creates no guards for this provider, such as one with useFactory or useValue: list the class itself in providers';
    case 'replaceable':
      return 'a request-scoped object may have another function in the place of the method: put @UseGuards(TesseraGuard) on the class';
    case 'replaced':
      return 'the function of the instance in the place of the method has no guard: put @UseGuards(TesseraGuard) on the class';
    case undefined:
      return undefined;
  }
}
