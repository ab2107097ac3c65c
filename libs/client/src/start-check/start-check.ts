import type { OnApplicationBootstrap, OnModuleInit } from '@nestjs/common';
import type { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { addHandler } from '../rules/access-rules.ts';
import { ConnectedServers } from './connected-servers.ts';
import { checkDecorators } from './decorators.check.ts';
import {
  gatewaysIn,
  graphqlModules,
  messageHandlersIn,
  resolversIn,
  routesIn,
  socketHandlersOf,
} from './find-handlers.ts';
import { checkConnectionHooks, checkGateways, connectionHooksOf } from './gateway.check.ts';
import { GlobalGuards } from './global-guards.ts';
import { checkResolvers } from './graphql.check.ts';
import { checkGuarded, USE_GUARD } from './guarded.check.ts';
import { type Handler, type Host, hostOf, type NestModule, rulesOf } from './handler.ts';
import { MODULE_PATH } from './nest-metadata.ts';
import { checkNoPathParameter, checkPathParameters } from './path-parameter.check.ts';
import { warnOfUnaskedRequirements } from './unasked-requirement.warning.ts';

/** One for each application, also where an application has several modules of this package. */
const started = new WeakMap<ModulesContainer, StartCheckOfApplication>();

/** Compares, at start, what the decorators of this package require with what Nest will ask. A difference stops the application. */
export class StartCheck implements OnModuleInit, OnApplicationBootstrap {
  readonly #check: StartCheckOfApplication;

  constructor(modules: ModulesContainer, config: ApplicationConfig, http: HttpAdapterHost) {
    let check = started.get(modules);
    if (check === undefined) started.set(modules, (check = new StartCheckOfApplication(modules, config, http)));
    this.#check = check;
  }

  /**
   * Called by Nest's `configure()` of a module, where there is HTTP: gateways have been bound by then, routes have not.
   *
   * @throws TypeError that names the handler and ends with the fix
   */
  gatewaysAreBound(): void {
    this.#check.run();
  }

  /** @throws TypeError that names the handler and ends with the fix */
  onModuleInit(): void {
    this.#check.run();
  }

  /** A tracer may have wrapped methods in its `onModuleInit()`. Request-scoped handlers, and those of late microservices, are then the wrappers. */
  onApplicationBootstrap(): void {
    this.#check.registerHandlers();
  }
}

class StartCheckOfApplication {
  readonly #modules: ModulesContainer;
  readonly #globalGuards: GlobalGuards;
  readonly #servers: ConnectedServers;
  readonly #hasHttp: () => boolean;
  #hasRun = false;

  constructor(modules: ModulesContainer, config: ApplicationConfig, http: HttpAdapterHost) {
    this.#modules = modules;
    this.#globalGuards = new GlobalGuards(config, modules);
    this.#hasHttp = () => hasAdapter(http);
    this.#servers = new ConnectedServers(modules, this.#globalGuards, this.#hasHttp);
  }

  run(): void {
    if (this.#hasRun) return;
    const modules = [...this.#modules.values()];
    const hosts = modules.flatMap(hostsIn);
    hosts.forEach(checkDecorators);
    const gateways = modules.flatMap(gatewaysIn);
    gateways.forEach(checkConnectionHooks);
    // A worker without HTTP and without a server has gateways among its providers, but nobody can connect to them.
    if (this.#hasHttp() || this.#servers.areAny)
      checkGateways(gateways, this.#globalGuards, this.#servers.areAnnounced);
    const handlers = [
      ...modules.flatMap((module) => this.#checkRoutes(module)),
      ...modules.flatMap((module) => this.#checkMessageHandlers(module)),
      ...checkResolvers(this.#modules, this.#globalGuards),
      ...gateways.flatMap((gateway) => [...socketHandlersOf(gateway), ...connectionHooksOf(gateway)]),
    ];
    this.registerHandlers();
    this.#servers.check();
    warnOfUnaskedRequirements(hosts, namesByPrototype(handlers));
    this.#hasRun = true;
  }

  /** Tells the guard which functions Nest calls. */
  registerHandlers(): void {
    const modules = [...this.#modules.values()];
    const handlers = [
      ...modules.flatMap(routesIn),
      ...modules.flatMap(messageHandlersIn),
      ...modules.flatMap(gatewaysIn).flatMap(socketHandlersOf),
      ...graphqlModules(this.#modules).flatMap(({ serves }) => serves.flatMap(resolversIn)),
    ];
    for (const { host, method } of handlers) addHandler(host.type, method);
  }

  #checkRoutes(module: NestModule): readonly Handler[] {
    const modulePath: unknown =
      Reflect.getMetadata(MODULE_PATH + this.#modules.applicationId, module.metatype) ??
      Reflect.getMetadata(MODULE_PATH, module.metatype);
    const routes = routesIn(module);
    for (const route of routes) {
      checkPathParameters(route, rulesOf(route), modulePath);
      const globally = this.#globalGuards.areAskedBefore(route.host, true);
      checkGuarded(route, { globally, isExpected: false }, USE_GUARD);
    }
    return routes;
  }

  /** Their guards depend on the server that they are bound to. */
  #checkMessageHandlers(module: NestModule): readonly Handler[] {
    const handlers = messageHandlersIn(module);
    // A method may be a route as well, with a path.
    const routes = new Set(routesIn(module).map(({ method }) => method));
    for (const handler of handlers) if (!routes.has(handler.method)) checkNoPathParameter(handler, rulesOf(handler));
    return handlers;
  }
}

function hostsIn({ controllers, providers }: NestModule): readonly Host[] {
  return [...controllers.values(), ...providers.values()].flatMap((wrapper) => hostOf(wrapper) ?? []);
}

function hasAdapter(http: HttpAdapterHost): boolean {
  // Typed as if there always were one.
  return ((http as Partial<HttpAdapterHost>).httpAdapter ?? undefined) !== undefined;
}

function namesByPrototype(handlers: readonly Handler[]): ReadonlyMap<object, ReadonlySet<string>> {
  const names = new Map<object, Set<string>>();
  for (const { host, key } of handlers) names.set(host.prototype, (names.get(host.prototype) ?? new Set()).add(key));
  return names;
}
