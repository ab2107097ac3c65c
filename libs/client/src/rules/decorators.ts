import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Surface, VerifiedToken } from '@tessera/token';
import { addRequirement, markPublic, type RuleTarget } from './access-rules.ts';
import { subjectOfActor } from './actor-name.ts';
import { carriedBearer, carriedToken } from '../guard/carried-token.ts';
import type { Requirement } from './requirement.ts';
import { internalError, rulesOfCall } from './rules-of-call.ts';

type ClassOrMethodDecorator = ClassDecorator & MethodDecorator;
/** At least one name: an empty requirement would require nothing. */
type Names = readonly [string, ...string[]];

/** All of these scopes. */
export const RequireScopes = (...names: Names): ClassOrMethodDecorator =>
  required({ kind: 'scopes', names, mode: 'all' });

/** One of these scopes. */
export const RequireAnyScope = (...names: Names): ClassOrMethodDecorator =>
  required({ kind: 'scopes', names, mode: 'any' });

/** All of these roles. */
export const RequireRoles = (...names: Names): ClassOrMethodDecorator =>
  required({ kind: 'roles', names, mode: 'all' });

/** One of these roles. */
export const RequireAnyRole = (...names: Names): ClassOrMethodDecorator =>
  required({ kind: 'roles', names, mode: 'any' });

/** All of these groups. */
export const RequireGroups = (...names: Names): ClassOrMethodDecorator =>
  required({ kind: 'groups', names, mode: 'all' });

/** All of these resources. */
export const RequireResources = (...names: Names): ClassOrMethodDecorator =>
  required({ kind: 'resources', names, mode: 'all' });

/** The resource, and the scope `<resource>:<action>`. */
export const RequirePermission = (resource: string, action: string): ClassOrMethodDecorator =>
  required({ kind: 'permission', resource, action });

/** A token of one of these issuers, written as in `iss`: `https://tessera.example/tenants/acme`. */
export const RequireIssuer = (...issuers: Names): ClassOrMethodDecorator => required({ kind: 'issuer', issuers });

/** A token of one of these tenants. Two Tesseras may have tenants of one id: with `alsoTrust`, add `@RequireIssuer`. */
export const RequireTenant = (...tenantIds: Names): ClassOrMethodDecorator => required({ kind: 'tenant', tenantIds });

/** A token of the tenant that the path names: `@RequireTenantParam('tenantId')` on `tenants/:tenantId/orders`. Of any trusted issuer. */
export const RequireTenantParam = (param: string): ClassOrMethodDecorator => required({ kind: 'tenantParam', param });

/** A token of this surface. The module's `surfaces` must include it, too. */
export const RequireSurface = (surface: Surface): ClassOrMethodDecorator => required({ kind: 'surface', surface });

/**
 * An exchanged token with one of these clients as the current actor, written `shop/web` or `client:shop/web`. Earlier actors do not count, nor does the
 * client of a token that was not exchanged. A name is unique within one tenant: where several are trusted, add `@RequireTenant`.
 */
export const RequireActor = (...clients: Names): ClassOrMethodDecorator =>
  required({ kind: 'actor', subjects: clients.map(subjectOfActor) });

/** Answers 503 while the list of revocations is stale, whatever the module's `whenStale` is. With revocations off, always. */
export const RequireFreshRevocations = (): ClassOrMethodDecorator => required({ kind: 'freshRevocations' });

/** Opens a method, or those methods of a class that require nothing. The request's token is ignored. */
export const Public = (): ClassOrMethodDecorator => decorate(markPublic);

/** The verified token; undefined on a public handler. */
export const Token = createParamDecorator((_: unknown, context: ExecutionContext): VerifiedToken | undefined =>
  tokenFor(context, '@Token()'),
);

/** The token's tenant id; undefined on a public handler. */
export const Tenant = createParamDecorator(
  (_: unknown, context: ExecutionContext): string | undefined => tokenFor(context, '@Tenant()')?.tenantId,
);

/** The token as the caller sent it, for `TesseraTokens.exchange`; undefined on a public handler. Never log it or send it to another service. */
export const BearerToken = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined =>
  tokenFor(context, '@BearerToken()') === undefined ? undefined : carriedBearer(context),
);

/**
 * A public handler never gets a token, not even of another field of the same GraphQL request. Any other handler gets one or is not called: a handler
 * that reads `undefined` as a tenant would serve the wrong data.
 */
function tokenFor(context: ExecutionContext, decorator: string): VerifiedToken | undefined {
  if (rulesOfCall(context).isPublic) return undefined;
  const token = carriedToken(context);
  if (token !== undefined) return token;
  throw internalError(
    `${context.getClass().name}.${context.getHandler().name}: ${decorator} has no verified token, because no TesseraGuard was asked before this handler: put @UseGuards(TesseraGuard) or @Public() on it`,
  );
}

function required(requirement: Requirement): ClassOrMethodDecorator {
  return decorate((target) => {
    addRequirement(target, requirement);
  });
}

/** For a method, writes to the function itself, as Nest's own decorators do. An accessor has none. */
function decorate(write: (target: RuleTarget) => void): ClassOrMethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: { readonly value?: unknown }): void => {
    const method = typeof descriptor?.value === 'function' ? descriptor.value : undefined;
    write(key === undefined ? { type: target } : { holder: target, key, method });
  };
}
