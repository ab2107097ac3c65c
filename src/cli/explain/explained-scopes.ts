import type { GrantPath } from '../../directory/grant-paths.ts';
import type { Client } from '../../tenancy/tenant.ts';
import { type AuthenticatedClientFacts, requestCut, SCOPE_CUTS, scopeCut } from '../../token-grants/authorize.ts';

/** A path to a scope of the subject, as in the JSON output. */
export interface ExplainedScope {
  readonly scope: string;
  /** Null: the scope is an administrator's own, or nobody's. */
  readonly role: string | null;
  readonly group?: string;
  /** Why a token of the client would not have the scope; absent: it would. */
  readonly cut?: string;
}

/** What bounds the scopes of a request. */
export type ScopeBounds = Pick<AuthenticatedClientFacts, 'client' | 'scopes' | 'audience'>;

/**
 * Each path to a scope of the subject, and what was asked for without being granted.
 *
 * @param subjectClient the client that the subject is; undefined: the subject is a person
 */
export function explainedScopes(
  bounds: ScopeBounds,
  paths: readonly GrantPath[],
  subjectClient?: Client,
): readonly ExplainedScope[] {
  const granted = new Set(paths.map(({ scope }) => scope));
  return [
    ...paths.map(({ scope, role, group }) => {
      const cut = cutOf(bounds, scope, subjectClient);
      return {
        scope,
        role: role ?? null,
        ...(group !== undefined && { group }),
        ...(cut !== undefined && { cut }),
      };
    }),
    ...(bounds.scopes.asked ?? [])
      .filter((scope) => !granted.has(scope))
      .map((scope) => ({ scope, role: null, cut: NOT_GRANTED })),
  ];
}

/** The bounds in the order in which a server applies them. */
function cutOf({ client, scopes, audience }: ScopeBounds, scope: string, subjectClient?: Client): string | undefined {
  for (const bound of subjectClient === undefined ? [client] : [subjectClient, client]) {
    const cut = scopeCut(bound, scope);
    if (cut !== undefined) return SCOPE_CUTS[cut](bound, audience);
  }
  const cut = requestCut(scopes, scope);
  return cut && SCOPE_CUTS[cut](client, audience);
}

/** Only that scope: each path to it, or the reason that there is none. */
export function onlyScope(scopes: readonly ExplainedScope[], scope: string): readonly ExplainedScope[] {
  const found = scopes.filter((one) => one.scope === scope);
  return found.length > 0 ? found : [{ scope, role: null, cut: NOT_GRANTED }];
}

const NOT_GRANTED = 'not granted to the subject';
