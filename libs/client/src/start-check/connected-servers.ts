import type { ModulesContainer } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { messageHandlersIn, patternsOf } from './find-handlers.ts';
import type { GlobalGuards } from './global-guards.ts';
import { checkGuarded, USE_GUARD } from './guarded.check.ts';
import type { Handler } from './handler.ts';

/** What Nest calls on the server of a microservice, of any transport. */
interface MicroserviceServer {
  addHandler: (pattern: unknown, ...rest: unknown[]) => unknown;
  listen: (...args: unknown[]) => unknown;
}

interface BoundHandlers {
  /** Undefined: unknown, so it may be any. */
  readonly patterns: Set<unknown> | undefined;
  /** Whether Nest asked the application for its global guards when it bound one of them. */
  isAsked: boolean;
  /** Whether a TesseraGuard was among them each time. */
  hasGuard: boolean;
}

/**
 * Watches the servers of microservices while Nest binds the handlers of the application to them. Nothing tells whether a microservice was connected
 * with `inheritAppConfig`, but only such a one has the global guards of the application (see GlobalGuards).
 */
export class ConnectedServers {
  readonly #modules: ModulesContainer;
  readonly #globalGuards: GlobalGuards;
  readonly #isHybrid: () => boolean;
  readonly #servers: BoundHandlers[] = [];

  /** @param isHybrid whether the application is more than this one microservice */
  constructor(modules: ModulesContainer, globalGuards: GlobalGuards, isHybrid: () => boolean) {
    this.#modules = modules;
    this.#globalGuards = globalGuards;
    this.#isHybrid = isHybrid;
    const { getRpcTargetRegistry } = modules as Partial<ModulesContainer>;
    // The first versions of Nest 11 announce no servers. Then every handler may be bound to one without global guards.
    if (getRpcTargetRegistry === undefined) {
      this.#servers.push({ patterns: undefined, isAsked: false, hasGuard: false });
      return;
    }
    // Nest announces a server before it binds the first handler to it.
    getRpcTargetRegistry
      .call<ModulesContainer, [], Observable<Partial<MicroserviceServer>>>(modules)
      .subscribe((server) => {
        if (typeof server.addHandler === 'function' && typeof server.listen === 'function')
          this.#watch(server as MicroserviceServer);
      });
  }

  /** Whether Nest announces them. Else it is not known which questions for global guards were theirs. */
  get areAnnounced(): boolean {
    return (this.#modules as Partial<ModulesContainer>).getRpcTargetRegistry !== undefined;
  }

  get areAny(): boolean {
    return this.#servers.length > 0;
  }

  /** @throws TypeError that names the handler and ends with the fix */
  check(): void {
    for (const server of this.#servers) this.#checkServer(server);
  }

  #watch(server: MicroserviceServer): void {
    const patterns = new Set<unknown>();
    const bound: BoundHandlers = { patterns, isAsked: false, hasGuard: false };
    const { addHandler, listen } = server;
    server.addHandler = (pattern, ...rest) => {
      patterns.add(pattern);
      const question = this.#globalGuards.takeQuestion();
      if (question !== undefined) {
        bound.hasGuard = question.hadOurs && (bound.hasGuard || !bound.isAsked);
        bound.isAsked = true;
      }
      return addHandler.call(server, pattern, ...rest);
    };
    // A server may listen before the application starts, and handlers may be bound after that.
    server.listen = (...args) => {
      this.#checkServer(bound);
      return listen.apply(server, args);
    };
    this.#servers.push(bound);
  }

  #checkServer(server: BoundHandlers): void {
    const isExpected = this.#globalGuards.includeTesseraGuard();
    const mayInherit = server.hasGuard || !this.#isHybrid();
    for (const handler of [...this.#modules.values()].flatMap(messageHandlersIn)) {
      if (!isBound(handler, server.patterns)) continue;
      const globally = mayInherit && this.#globalGuards.areAskedBefore(handler.host);
      checkGuarded(handler, { globally, isExpected }, isExpected ? this.#mendOf(handler, server) : USE_GUARD);
    }
  }

  /** Of a handler that no global guard is asked for, in an application that has one. */
  #mendOf({ host }: Handler, { isAsked }: BoundHandlers): string {
    if (!this.#globalGuards.includeStaticTesseraGuard())
      return `nothing shows that a microservice has the request-scoped or transient global guard, ${USE_GUARD}`;
    if (isAsked) return `call useGlobalGuards() before connectMicroservice(), or ${USE_GUARD}`;
    if (!host.isStatic)
      return `nothing shows that the microservice has the global guard, because its handlers are request-scoped: put @UseGuards(TesseraGuard) on the class`;
    return `connect the microservice with { inheritAppConfig: true }, or ${USE_GUARD}`;
  }
}

function isBound(handler: Handler, patterns: ReadonlySet<unknown> | undefined): boolean {
  return patterns === undefined || patternsOf(handler).some((pattern) => patterns.has(pattern));
}
