import type { Surface } from '@tessera/token';

/** For whom a token is asked, and where. Also what it is cached by. */
export interface TokenRequest {
  readonly url: string;
  readonly surface: Surface;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly emailId: string;
}

/** The contract's answer. */
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
  /** A function is asked at each fetch, so that a rotated secret is picked up. */
  readonly secretId?: string | ((request: TokenRequest) => string | Promise<string>);
  /** Default 60, at most half of the token's life: from then on refreshed behind the caller's back, the old one still served. */
  readonly refreshBeforeSeconds?: number;
  /** Per try. Default 5,000. */
  readonly timeoutMilliseconds?: number;
  /** On 503, 429 and lost connections only. Default 3. */
  readonly maxTries?: number;
  /** Tokens kept in memory, least recently used out. Default 1,000. */
  readonly maxCached?: number;
  /** In place of HTTP. For tests. */
  readonly source?: (request: TokenRequest) => Promise<TokenResponse>;
}
