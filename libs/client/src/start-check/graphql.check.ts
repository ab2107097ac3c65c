import type { ModulesContainer } from '@nestjs/core';
import { rulesOnMethod } from '../rules/access-rules.ts';
import { type GraphqlOptions, graphqlModules, type ResolverKind, resolversIn } from './find-handlers.ts';
import type { GlobalGuards } from './global-guards.ts';
import { checkGuarded, USE_GUARD } from './guarded.check.ts';
import { type Handler, rulesOf } from './handler.ts';
import { hasAnyGuard, hasMethodGuard } from './own-guards.ts';
import { checkNoPathParameter } from './path-parameter.check.ts';

const CLOSE_REFERENCE = `${USE_GUARD}, or @Public() if another guard is asked before it`;

type ResolverMethod = Handler & { readonly kind: ResolverKind };

/**
 * @returns the methods that GraphQL calls
 * @throws TypeError that names the resolver and ends with the fix
 */
export function checkResolvers(modules: ModulesContainer, globalGuards: GlobalGuards): readonly Handler[] {
  return graphqlModules(modules).flatMap(({ options, serves }) => {
    const methods = serves.flatMap(resolversIn);
    for (const method of methods) {
      checkNoPathParameter(method, rulesOf(method));
      if (method.kind !== 'root') checkFieldGuard(method, options);
      const globally = globalGuards.areAskedBefore(method.host);
      // Anybody reaches a reference, through `_entities`. Another guard on it is the author's decision.
      const isExpected = method.kind === 'reference' && !hasAnyGuard(method);
      checkGuarded(method, { globally, isExpected }, isExpected ? CLOSE_REFERENCE : USE_GUARD);
    }
    return methods;
  });
}

/** Nest asks guards before a field or a reference only if `fieldResolverEnhancers` says so, and before `__resolveType` never. */
function checkFieldGuard(method: ResolverMethod, options: GraphqlOptions): void {
  const { isPublic, requirements } = rulesOf(method);
  if (isPublic) return;
  if (method.key === '__resolveType') {
    if (rulesOnMethod(method.method).requirements.length > 0 || hasMethodGuard(method))
      throw new TypeError(
        `${method.name}: GraphQL asks no guard before __resolveType: remove what is required from it`,
      );
    return;
  }
  if (options.fieldResolverEnhancers?.includes('guards')) return;
  // A field is reached through a query or a mutation, which has a guard.
  if (method.kind === 'reference' || requirements.length > 0 || hasMethodGuard(method))
    throw new TypeError(
      `${method.name}: GraphQL asks no guard before a ${method.kind} resolver, so anybody may call it: add 'guards' to fieldResolverEnhancers in the options of GraphQLModule, or put @Public() on it`,
    );
}
