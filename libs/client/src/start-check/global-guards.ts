import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { isTesseraGuard } from '../guard/guard-mark.ts';
import type { Host } from './handler.ts';

/**
 * Whether global guards apply to a handler. Nest asks the configuration of the application for them each time it binds one. A microservice that was
 * connected without `inheritAppConfig`, and a gateway on Nest 11, are bound without that question, and nothing else tells.
 */
export class GlobalGuards {
  readonly #config: ApplicationConfig;
  readonly #modules: ModulesContainer;
  readonly #guards: () => readonly unknown[];
  #inThisRun = 0;
  #untaken = 0;
  #lastHadOurs = false;

  constructor(config: ApplicationConfig, modules: ModulesContainer) {
    this.#config = config;
    this.#modules = modules;
    const guards = config.getGlobalGuards.bind(config);
    this.#guards = guards;
    config.getGlobalGuards = () => {
      this.#countQuestion();
      return guards();
    };
  }

  /** Questions that were not for a handler of a microservice. */
  get questions(): number {
    return this.#untaken;
  }

  /**
   * @returns whether Nest asked since the last call, or since the present synchronous run began: it binds all handlers of a server in one. `hadOurs`:
   * whether the list had a TesseraGuard then. Nest reads no list again that changes later.
   */
  takeQuestion(): { readonly hadOurs: boolean } | undefined {
    const wasAsked = this.#inThisRun > 0;
    this.#untaken -= this.#inThisRun;
    this.#inThisRun = 0;
    return wasAsked ? { hadOurs: this.#lastHadOurs } : undefined;
  }

  /** Whether one of them is a TesseraGuard, or what a test put in the place of one with `overrideProvider`. */
  includeTesseraGuard(): boolean {
    return this.includeStaticTesseraGuard() || this.#scopedTesseraGuards().length > 0;
  }

  /** Whether one is neither request-scoped nor transient. */
  includeStaticTesseraGuard(): boolean {
    return this.#guards().some((guard) => isTesseraGuard(guard) || this.#standsForTesseraGuard(guard));
  }

  /**
   * Whether Nest asks a TesseraGuard before the handlers of a host, wherever it asks global guards. It gives a request-scoped or transient one to
   * controllers and `@Resolver()` classes only. Of those, it asks a transient one before routes only, unless the class is request-scoped itself.
   */
  areAskedBefore({ enhancers, isStatic }: Host, isRoute = false): boolean {
    if (this.includeStaticTesseraGuard()) return true;
    return (isRoute || !isStatic) && this.#scopedTesseraGuards().some((guard) => enhancers.includes(guard));
  }

  #scopedTesseraGuards(): readonly unknown[] {
    return this.#config
      .getGlobalRequestGuards()
      .filter(({ isAlias, inject, metatype }) => isTesseraGuard(isAlias ? inject?.[0] : metatype));
  }

  #standsForTesseraGuard(guard: unknown): boolean {
    return [...this.#modules.values()].some(({ providers }) =>
      [...providers].some(([token, { instance }]) => isTesseraGuard(token) && instance === guard),
    );
  }

  #countQuestion(): void {
    if (this.#inThisRun++ === 0)
      queueMicrotask(() => {
        this.#inThisRun = 0;
      });
    this.#untaken++;
    this.#lastHadOurs = this.includeStaticTesseraGuard();
  }
}
