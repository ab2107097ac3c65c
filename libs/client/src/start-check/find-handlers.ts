import type { ModulesContainer } from '@nestjs/core';
import { type Handler, hasMetadata, type Host, hostOf, methodsOf, type NestModule, type Provider } from './handler.ts';
import {
  GATEWAY,
  GRAPHQL_OPTIONS,
  MESSAGE_MAPPING,
  PATH_METADATA,
  PATTERN,
  PATTERN_HANDLER,
  RESOLVER_FIELD,
  RESOLVER_REFERENCE,
  RESOLVER_TYPE,
} from './nest-metadata.ts';

/** Finds handlers as Nest's own explorers do, so that none that Nest calls is left out. */

export function routesIn(module: NestModule): readonly Handler[] {
  return handlersIn(module.controllers, (handler) => hasMetadata(PATH_METADATA, handler));
}

export function messageHandlersIn(module: NestModule): readonly Handler[] {
  return handlersIn(module.controllers, (handler) => hasMetadata(PATTERN_HANDLER, handler));
}

export function patternsOf({ method }: Handler): readonly unknown[] {
  return (Reflect.getMetadata(PATTERN, method) as readonly unknown[] | undefined) ?? [];
}

export function gatewaysIn(module: NestModule): readonly Host[] {
  return [...module.providers.values()]
    .filter(({ isNotMetatype, metatype }) => !isNotMetatype && Reflect.hasMetadata(GATEWAY, metatype ?? Object))
    .flatMap((wrapper) => hostOf(wrapper) ?? []);
}

export function socketHandlersOf(gateway: Host): readonly Handler[] {
  return methodsOf(gateway).filter((handler) => hasMetadata(MESSAGE_MAPPING, handler));
}

export type ResolverKind = 'root' | 'field' | 'reference';
const ROOTS: ReadonlySet<unknown> = new Set(['Query', 'Mutation', 'Subscription']);

export function resolversIn(module: NestModule): readonly (Handler & { readonly kind: ResolverKind })[] {
  return handlersIn(module.providers, (handler) => kindOf(handler) !== undefined).map((handler) => ({
    ...handler,
    kind: kindOf(handler) ?? 'root',
  }));
}

function kindOf({ host, method }: Handler): ResolverKind | undefined {
  const type: unknown = Reflect.getMetadata(RESOLVER_TYPE, method) ?? Reflect.getMetadata(RESOLVER_TYPE, host.type);
  if (type === undefined) return undefined;
  if (ROOTS.has(type)) return 'root';
  if (Reflect.getMetadata(RESOLVER_REFERENCE, method) === true) return 'reference';
  return Reflect.getMetadata(RESOLVER_FIELD, method) === true ? 'field' : undefined;
}

export interface GraphqlOptions {
  readonly fieldResolverEnhancers?: readonly string[];
  readonly include?: readonly unknown[];
}

/** The options of each GraphQLModule, with the modules whose resolvers it serves. */
export function graphqlModules(
  modules: ModulesContainer,
): readonly { readonly options: GraphqlOptions; readonly serves: readonly NestModule[] }[] {
  return [...modules.values()].flatMap((module) => {
    const options: unknown = module.providers.get(GRAPHQL_OPTIONS)?.instance;
    if (typeof options !== 'object' || options === null) return [];
    return [{ options, serves: servedBy(options, [...modules.values()]) }];
  });
}

function servedBy({ include = [] }: GraphqlOptions, modules: readonly NestModule[]): readonly NestModule[] {
  if (include.length === 0) return modules;
  const served = new Set<NestModule>();
  const visit = (module: NestModule): void => {
    if (served.has(module)) return;
    served.add(module);
    module.imports.forEach(visit);
  };
  modules.filter(({ metatype }) => include.includes(metatype)).forEach(visit);
  return [...served];
}

function handlersIn(wrappers: ReadonlyMap<unknown, Provider>, isHandler: (handler: Handler) => boolean): Handler[] {
  // A provider with several tokens is one object.
  const hosts = new Map<object, Host>();
  for (const wrapper of wrappers.values()) {
    const host = hostOf(wrapper);
    if (host !== undefined) hosts.set(host.instance, host);
  }
  return [...hosts.values()].flatMap(methodsOf).filter(isHandler);
}
