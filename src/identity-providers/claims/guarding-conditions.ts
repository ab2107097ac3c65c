import { parseJsonPointer } from './json-pointer.ts';

/** Every token of the trust has them: a condition on them narrows nothing. */
const ALIKE: ReadonlySet<string | undefined> = new Set(['iss', 'aud']);

/** The top-level claim that a name or a JSON pointer leads into; undefined for a malformed pointer. */
export function topLevelClaim(name: string): string | undefined {
  return name.startsWith('/') ? parseJsonPointer(name)?.[0] : name;
}

/** Whether conditions on these claims choose among the tokens of an issuer for an audience. `none` and a malformed pointer choose nothing. */
export function isGuardedBy(claims: Iterable<string>): boolean {
  return [...claims].some((name) => {
    const claim = topLevelClaim(name);
    return claim !== undefined && !ALIKE.has(claim);
  });
}
