import type { OnModuleInit } from '@nestjs/common';
import { APP_GUARD, type ModulesContainer } from '@nestjs/core';
import { trustedIssuersOf } from '@tessera/token/core';
import { VERIFIER_OF_GUARD } from '../guard/guard-mark.ts';
import { TesseraVerifier } from '../tessera-verifier.ts';

/**
 * An application may import TesseraClientModule several times. All guards of a route are asked, so two with different issuers would refuse every
 * token.
 */
export class SeveralModulesCheck implements OnModuleInit {
  readonly #modules: ModulesContainer;

  constructor(modules: ModulesContainer) {
    this.#modules = modules;
  }

  /** @throws TypeError that ends with the fix */
  onModuleInit(): void {
    const [globally, ...others] = new Set(this.#verifiersOfGlobalGuards());
    if (others.length > 0)
      throw new TypeError(
        "Tessera: two modules have guard: 'global', so every route asks both and a token would have to pass both: import TesseraClientModule.forRoot once and list the other issuers in alsoTrust, or give each module guard: 'manual' and isGlobal: false and put @UseGuards(TesseraGuard) on the routes of its own",
      );
    if (new Set(this.#verifiersOfGlobalModules()).size > 1)
      throw new TypeError(
        'Tessera: two modules are global, so in every other module Nest takes the guard, the verifier and the tokens of one of them: import TesseraClientModule.forRoot once, with the other issuers in alsoTrust, or give each module isGlobal: false and import it where it is used',
      );
    if (globally === undefined) return;
    for (const [name, verifier] of this.#verifiersOfOtherGuards())
      if (!mayShareAnIssuer(globally, verifier))
        throw new TypeError(
          `Tessera: ${name} has a TesseraGuard of its own, which trusts no issuer of the global guard, so every token is refused: list the issuers in alsoTrust of the module with guard: 'global', or give that module guard: 'manual', too`,
        );
  }

  *#verifiersOfGlobalGuards(): Iterable<TesseraVerifier> {
    for (const { providers } of this.#modules.values())
      // Nest numbers the providers of APP_GUARD.
      for (const [token, { instance }] of providers)
        if (typeof token === 'string' && token.startsWith(APP_GUARD)) yield* verifierOf(instance);
  }

  *#verifiersOfGlobalModules(): Iterable<unknown> {
    for (const { isGlobal, providers } of this.#modules.values()) {
      const verifier = providers.get(TesseraVerifier);
      if (isGlobal && verifier !== undefined) yield verifier.instance;
    }
  }

  *#verifiersOfOtherGuards(): Iterable<readonly [moduleName: string, TesseraVerifier]> {
    for (const { name, injectables } of this.#modules.values())
      for (const { instance } of injectables.values())
        for (const verifier of verifierOf(instance)) yield [name, verifier];
  }
}

function verifierOf(guard: unknown): readonly TesseraVerifier[] {
  return typeof guard === 'object' && guard !== null && VERIFIER_OF_GUARD in guard
    ? [guard[VERIFIER_OF_GUARD] as TesseraVerifier]
    : [];
}

/** Also true for verifiers that do not name their issuers. */
function mayShareAnIssuer(one: TesseraVerifier, other: TesseraVerifier): boolean {
  const [ones, others] = [trustedIssuersOf(one), trustedIssuersOf(other)];
  if (one === other || ones.length === 0 || others.length === 0) return true;
  return ones.some((name) => others.some((otherName) => includes(name, otherName) || includes(otherName, name)));
}

/** @param pattern an issuer, or `<base URL>/tenants/*` */
function includes(pattern: string, name: string): boolean {
  return pattern === name || (pattern.endsWith('/*') && name.startsWith(pattern.slice(0, -1)));
}
