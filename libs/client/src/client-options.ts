import type { ExecutionContext } from '@nestjs/common';
import type { VerifierOptions } from '@tessera/token';
import type { TokenProviderOptions } from './tokens/token-provider-options.ts';

/** Nest's injection token for the module's options. A registered symbol, so that two copies of this package work together. */
export const TESSERA_CLIENT_OPTIONS: unique symbol = Symbol.for('@tessera/client/options');

/** The options of `TesseraClientModule.forRoot`: the verifier's, and those for outgoing calls. */
export type TesseraClientOptions = VerifierOptions & {
  /** For outgoing calls. Without it `TesseraTokens` cannot be used. */
  readonly tokens?: TokenProviderOptions;
  /**
   * Returns the token of an rpc, ws or unknown context, and of a GraphQL operation whose `req` is no HTTP request, as in subscriptions. Of HTTP requests
   * only the `Authorization` header is read.
   */
  readonly extractToken?: (context: ExecutionContext) => string | undefined;
  /** In `WWW-Authenticate`. Default: the first audience. */
  readonly realm?: string;
};

/** Implemented by a class that is given to `forRootAsync` as `useClass` or `useExisting`. */
export interface TesseraClientOptionsFactory {
  createTesseraClientOptions(): TesseraClientOptions | Promise<TesseraClientOptions>;
}

export interface TesseraClientExtras {
  /** Default true. */
  readonly isGlobal?: boolean;
  /** `global` (default): every route is closed. `manual`: only those with `@UseGuards(TesseraGuard)`. */
  readonly guard?: 'global' | 'manual';
}
