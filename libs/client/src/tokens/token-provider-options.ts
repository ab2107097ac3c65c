import type { Surface } from '@tessera/token';

/** Who the token is for, and where it is requested. Also the cache key. */
export interface TokenRequest {
  readonly url: string;
  readonly surface: Surface;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly emailId: string;
}

/** The response of the token endpoint. */
export interface TokenResponse {
  readonly access_token: string;
  readonly expires_in: number;
  readonly token_type: string;
}

export interface TokenProviderOptions {
  /** The base URL. Default: `fetchBaseUrl`, then `baseUrl`. Required with `issuer` and `issuers`. */
  readonly url?: string;
  /** Default `user`. */
  readonly surface?: Surface;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly emailId: string;
  /** A function is called at each fetch, so that a rotated secret is picked up. */
  readonly secretId?: string | ((request: TokenRequest) => string | Promise<string>);
  /** Default 60, at most half of the token's lifetime. From then on the token is refreshed in the background, and the old one is still returned. */
  readonly refreshBeforeSeconds?: number;
  /** Per try. Default 5,000. */
  readonly timeoutMilliseconds?: number;
  /** On 503, 429 and lost connections only. Default 3. */
  readonly maxTries?: number;
  /** How many tokens are kept in memory. The least recently used one is evicted. Default 1,000. */
  readonly maxCached?: number;
  /** Replaces the HTTP request. For tests. */
  readonly source?: (request: TokenRequest) => Promise<TokenResponse>;
}
