import type { PostLimits } from './http-post.ts';
import type { TokenResponse } from '../token-provider-options.ts';

/** What a try needs besides its request. */
export interface TryContext extends PostLimits {
  readonly nowMs: number;
}

/** A checked request for a token. */
export interface PreparedRequest {
  /** In the cache. */
  readonly key: string;
  /** @throws TokenRequestError */
  readonly tryOnce: (context: TryContext) => Promise<TokenResponse>;
}
