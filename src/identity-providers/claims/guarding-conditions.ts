import type { Condition, Trust } from '../../tenancy/tenant.ts';
import { parseJsonPointer } from './json-pointer.ts';

/** The top-level claim that a name or a JSON pointer leads into; undefined for a malformed pointer. */
export function topLevelClaim(name: string): string | undefined {
  return name.startsWith('/') ? parseJsonPointer(name)?.[0] : name;
}

/**
 * Whether conditions on these claims choose among the tokens of an issuer for an audience. `iss` and the claim of the audience are compared for each token
 * anyway. A malformed pointer chooses nothing.
 *
 * @param audienceClaim of the trust; undefined: `aud`
 */
export function isGuardedBy(claims: Iterable<string>, audienceClaim: Trust['audienceClaim']): boolean {
  return [...claims].some((name) => {
    const claim = topLevelClaim(name);
    return claim !== undefined && !['iss', 'aud', audienceClaim].includes(claim);
  });
}

/** Whether the conditions choose tokens by the values of `sub`. */
export function listsSubjects(conditions: Iterable<readonly [claim: string, condition: Condition]>): boolean {
  return [...conditions].some(([claim, condition]) => ['sub', '/sub'].includes(claim) && Array.isArray(condition));
}
