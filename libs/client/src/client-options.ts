import type { ExecutionContext } from '@nestjs/common';
import type { VerifierOptions } from '@tessera/token';
import type { TokenProviderOptions } from './tokens/token-provider-options.ts';

/** Under it the module's options are injected. Registered: two copies of this package meet. */
export const TESSERA_CLIENT_OPTIONS: unique symbol = Symbol.for('@tessera/client/options');

/** What `TesseraClientModule.forRoot` takes: whose tokens are let in, and who asks for tokens. */
export type TesseraClientOptions = VerifierOptions & {
  /** For outgoing calls. Without it `TesseraTokens` cannot be used. */
  readonly tokens?: TokenProviderOptions;
  /** Where the token of an rpc, ws or unknown context is. HTTP and GraphQL read the `Authorization` header alone. */
  readonly extractToken?: (context: ExecutionContext) => string | undefined;
  /** In `WWW-Authenticate`. Default: the first audience. */
  readonly realm?: string;
};

/** What a class given as `useClass` or `useExisting` to `forRootAsync` implements. */
export interface TesseraClientOptionsFactory {
  createTesseraClientOptions(): TesseraClientOptions | Promise<TesseraClientOptions>;
}

export interface TesseraClientExtras {
  /** Default true. */
  readonly isGlobal?: boolean;
  /** `global` (default): every route is closed. `manual`: those with `@UseGuards(TesseraGuard)`. */
  readonly guard?: 'global' | 'manual';
}
