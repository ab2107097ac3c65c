import type { KeyObject } from 'node:crypto';
import type { SigningAlgorithm } from '@tessera/token';

/** The client that asks for a token, and where. */
export interface ClientReference {
  /** The base URL. */
  readonly url: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
}

/** Who the token is for, and where it is requested. Also the cache key. */
export interface TokenRequest extends ClientReference {
  readonly surface: 'admin' | 'user';
  readonly emailId: string;
}

/** A request for a token of the client itself. Also the cache key. */
export interface ClientTokenRequest extends ClientReference {
  readonly audience?: string;
  /** Space-separated. */
  readonly scope?: string;
}

/** A request to exchange a token. */
export interface ExchangeRequest extends ClientReference, ExchangeTarget {
  readonly subjectToken: string;
}

/** What the exchanged token is for. `audience` or `resource`, not both; absent: the client's own audience. */
export interface ExchangeTarget {
  readonly audience?: string;
  /** RFC 8707: an absolute URI. */
  readonly resource?: string;
  /** Space-separated. It is granted whole or not at all. Absent: all that may be granted. */
  readonly scope?: string;
}

/** Other values than in the module's options, for one call of `get`. The last four each belong to one of the two grants. */
export interface TokenOverrides extends Partial<ClientReference> {
  readonly surface?: TokenRequest['surface'];
  readonly emailId?: string;
  readonly audience?: string;
  readonly scope?: string;
}

/** For one call of `exchange`: the target, and another client than in the module's options. */
export type ExchangeOptions = ExchangeTarget & Partial<ClientReference>;

/** The response of an endpoint for tokens. */
export interface TokenResponse {
  readonly access_token: string;
  readonly expires_in: number;
  readonly token_type: string;
}

interface CommonTokenOptions {
  /** The base URL. Default: `fetchBaseUrl`, then `baseUrl`. Required with `issuer` and `issuers`. */
  readonly url?: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  /** Default 60, at most half of the token's lifetime. From then on the token is refreshed in the background, and the old one is still returned. */
  readonly refreshBeforeSeconds?: number;
  /** Per try. Default 5,000. */
  readonly timeoutMilliseconds?: number;
  /** On 503, 429 and lost connections only. Default 3. */
  readonly maxTries?: number;
  /** How many tokens are kept in memory, and how many exchanged ones. The least recently used one is evicted. Default 1,000. */
  readonly maxCached?: number;
  /** Replaces the HTTP request of `exchange`. For tests. */
  readonly exchangeSource?: (request: ExchangeRequest) => Promise<TokenResponse>;
}

/** Tokens of a person, by `POST /auth/<surface>/generateToken`. */
export interface PersonTokenOptions extends CommonTokenOptions {
  readonly grant?: undefined;
  /** Default `user`. */
  readonly surface?: TokenRequest['surface'];
  readonly emailId: string;
  /** A function is called at each fetch, so that a rotated secret is picked up. */
  readonly secretId?: string | ((request: TokenRequest) => string | Promise<string>);
  /** Replaces the HTTP request. For tests. */
  readonly source?: (request: TokenRequest) => Promise<TokenResponse>;
  readonly audience?: undefined;
  readonly scope?: undefined;
  readonly issuer?: undefined;
  readonly privateKey?: undefined;
  readonly assertion?: undefined;
}

/** A private key whose public half is among the client's `keys`, or at its `jwks_uri`. */
export type ClientPrivateKey =
  PrivateJwk | { readonly key: KeyObject; readonly kid: string; readonly alg: SigningAlgorithm };

export interface PrivateJwk {
  readonly kty: string;
  readonly kid: string;
  /** ES256, RS256 or EdDSA. */
  readonly alg: string;
  readonly [member: string]: unknown;
}

/** How the client authenticates, in exactly one way. Functions are called at each try. */
export type ClientCredential =
  | {
      readonly secretId: string | ((client: ClientReference) => string | Promise<string>);
      readonly privateKey?: undefined;
      readonly assertion?: undefined;
    }
  /** Signs a short-lived assertion for each try (RFC 7523). */
  | { readonly privateKey: ClientPrivateKey; readonly secretId?: undefined; readonly assertion?: undefined }
  /** The workload's own token, such as that of a Kubernetes service account. Read it in a function: such tokens are replaced within the hour. */
  | {
      readonly assertion: string | ((client: ClientReference) => string | Promise<string>);
      readonly secretId?: undefined;
      readonly privateKey?: undefined;
    };

type NoCredential = { readonly [Name in 'secretId' | 'privateKey' | 'assertion']?: undefined };

/** Replaces the HTTP request. For tests. */
type ClientTokenSource = (request: ClientTokenRequest) => Promise<TokenResponse>;

/** Tokens of the client itself, by `POST /tenants/<tenant>/token` (RFC 6749, section 4.4). */
export type ClientTokenOptions = CommonTokenOptions &
  (
    | (ClientCredential & { readonly source?: ClientTokenSource })
    | (NoCredential & { readonly source: ClientTokenSource })
  ) & {
    readonly grant: 'client_credentials';
    /** One of the client's audiences. Default: its first one. */
    readonly audience?: string;
    /** Space-separated. Default: all that may be granted. */
    readonly scope?: string;
    /**
     * The tenant's issuer, as in `iss`: a signed assertion is made for it and for nothing else. Default: `<baseUrl>/tenants/<tenantId>`, and without a
     * `baseUrl` the same of `url`. Required where `url` is not the public name.
     */
    readonly issuer?: string;
    readonly emailId?: undefined;
    readonly surface?: undefined;
  };

export type TokenProviderOptions = PersonTokenOptions | ClientTokenOptions;
