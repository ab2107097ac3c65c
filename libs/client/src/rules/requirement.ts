import type { Surface, VerifiedToken } from '@tessera/token';

/** A condition that a handler adds to a valid token. */
export type Requirement =
  | {
      readonly kind: 'scopes' | 'roles' | 'groups' | 'resources';
      readonly names: readonly string[];
      readonly mode: 'all' | 'any';
    }
  | { readonly kind: 'permission'; readonly resource: string; readonly action: string }
  | { readonly kind: 'tenant'; readonly tenantIds: readonly string[] }
  | { readonly kind: 'issuer'; readonly issuers: readonly string[] }
  | { readonly kind: 'tenantParam'; readonly param: string }
  | { readonly kind: 'surface'; readonly surface: Surface }
  /** As in `sub`: `client:<project>/<client>`. */
  | { readonly kind: 'actor'; readonly subjects: readonly string[] }
  /** Checked by the verifier, not by the token's content. */
  | { readonly kind: 'freshRevocations' };

/** @param params the parameters in the request's path, decoded */
export function isMet(
  requirement: Requirement,
  token: VerifiedToken,
  params: Readonly<Record<string, unknown>>,
): boolean {
  switch (requirement.kind) {
    case 'scopes':
    case 'roles':
    case 'groups':
    case 'resources': {
      const { names, mode } = requirement;
      const held = token[requirement.kind];
      const holds = (name: string): boolean => held.includes(name);
      // An empty list must not count as met. The start fails for such a handler (start-check/decorators.check.ts). If it did not, the handler would refuse every call.
      return names.length > 0 && (mode === 'all' ? names.every(holds) : names.some(holds));
    }
    case 'permission': {
      const { resource, action } = requirement;
      return token.resources.includes(resource) && token.scopes.includes(`${resource}:${action}`);
    }
    case 'tenant':
      return requirement.tenantIds.includes(token.tenantId);
    case 'issuer':
      return requirement.issuers.includes(token.issuer);
    case 'tenantParam':
      return Object.hasOwn(params, requirement.param) && params[requirement.param] === token.tenantId;
    case 'surface':
      return token.surface === requirement.surface;
    case 'actor': {
      // RFC 8693, section 4.1: earlier actors are history and must not decide about access.
      const [current] = token.actors;
      return current !== undefined && requirement.subjects.includes(current.sub);
    }
    case 'freshRevocations':
      return true;
  }
}

/** The names in a requirement. A requirement without names or with an empty one is a mistake. */
export function namesOf(requirement: Requirement): readonly unknown[] {
  switch (requirement.kind) {
    case 'scopes':
    case 'roles':
    case 'groups':
    case 'resources':
      return requirement.names;
    case 'permission':
      return [requirement.resource, requirement.action];
    case 'tenant':
      return requirement.tenantIds;
    case 'issuer':
      return requirement.issuers;
    case 'tenantParam':
      return [requirement.param];
    case 'surface':
      return [requirement.surface];
    case 'actor':
      return requirement.subjects;
    case 'freshRevocations':
      return [requirement.kind];
  }
}
