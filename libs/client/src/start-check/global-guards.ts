import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { isTesseraGuard } from '../guard/guard-mark.ts';

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

  /** @returns whether Nest asked since the last call, or since the present synchronous run began: it binds all handlers of a server in one */
  takeQuestion(): boolean {
    const wasAsked = this.#inThisRun > 0;
    this.#untaken -= this.#inThisRun;
    this.#inThisRun = 0;
    return wasAsked;
  }

  /** Whether one of them is a TesseraGuard, or what a test put in the place of one with `overrideProvider`. */
  includeTesseraGuard(): boolean {
    const scoped = this.#config.getGlobalRequestGuards().map(({ metatype }) => metatype);
    return [...this.#guards(), ...scoped].some((guard) => isTesseraGuard(guard) || this.#standsForTesseraGuard(guard));
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
  }
}
