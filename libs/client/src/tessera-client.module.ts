import { ConfigurableModuleBuilder, Inject, Module, type NestModule, type OnModuleDestroy } from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { createVerifier } from '@tessera/token';
import { TESSERA_CLIENT_OPTIONS, type TesseraClientExtras, type TesseraClientOptions } from './client-options.ts';
import { TesseraGuard } from './guard/tessera.guard.ts';
import { announceToOtherCopies, providersForOtherCopies } from './installation/copies.ts';
import { withNestCore } from './installation/nest-core.ts';
import { SeveralModulesCheck } from './installation/several-modules.check.ts';
import { StartCheck } from './start-check/start-check.ts';
import { TesseraVerifier } from './tessera-verifier.ts';
import { createTesseraTokens, TesseraTokens } from './tokens/tessera-tokens.ts';

const INJECTED = [TesseraGuard, TesseraVerifier, TesseraTokens] as const;
announceToOtherCopies(INJECTED);

const DEFAULT_EXTRAS: TesseraClientExtras = { isGlobal: true, guard: 'global' };

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TesseraClientOptions>({
  optionsInjectionToken: TESSERA_CLIENT_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTesseraClientOptions')
  .setExtras(DEFAULT_EXTRAS, (definition, { isGlobal = true, guard = 'global' }) => {
    const guards = isGuardedBy(guard) ? [{ provide: APP_GUARD, useExisting: TesseraGuard }] : [];
    return {
      ...definition,
      global: isGlobal,
      // Getters: Nest reads them when the application starts. Only then all copies of this package are loaded.
      get providers() {
        return [...(definition.providers ?? []), ...guards, ...providersForOtherCopies(INJECTED)];
      },
      get exports() {
        return providersForOtherCopies(INJECTED).map(({ provide }) => provide);
      },
    };
  })
  .build();

/** Closes every route of the application, except those with `@Public()`. */
@Module({
  providers: [
    { provide: TesseraVerifier, inject: [TESSERA_CLIENT_OPTIONS], useFactory: createVerifier },
    { provide: TesseraTokens, inject: [TESSERA_CLIENT_OPTIONS], useFactory: createTesseraTokens },
    TesseraGuard,
    withNestCore(StartCheck, [ModulesContainer, ApplicationConfig, HttpAdapterHost]),
    withNestCore(SeveralModulesCheck, [ModulesContainer]),
  ],
  // Exports the options, too: Nest creates a guard of `@UseGuards(TesseraGuard)` in the module that uses it.
  exports: [TesseraGuard, TesseraVerifier, TesseraTokens, TESSERA_CLIENT_OPTIONS],
})
export class TesseraClientModule extends ConfigurableModuleClass implements NestModule, OnModuleDestroy {
  readonly #verifier: TesseraVerifier;
  readonly #tokens: TesseraTokens;
  readonly #startCheck: StartCheck;

  constructor(
    @Inject(TesseraVerifier) verifier: TesseraVerifier,
    @Inject(TesseraTokens) tokens: TesseraTokens,
    @Inject(StartCheck) startCheck: StartCheck,
  ) {
    super();
    this.#startCheck = startCheck;
    this.#verifier = verifier;
    this.#tokens = tokens;
  }

  /** Nest's place for middleware, which this module has none of: it comes after gateways and before routes, as the check needs it. */
  configure(): void {
    this.#startCheck.gatewaysAreBound();
  }

  onModuleDestroy(): void {
    this.#verifier.close();
    this.#tokens.close();
  }
}

/** A misspelled value must not leave an application open. */
function isGuardedBy(guard: unknown): boolean {
  if (guard !== 'global' && guard !== 'manual')
    throw new TypeError("Tessera: guard is unknown: use 'global' or 'manual'");
  return guard === 'global';
}
