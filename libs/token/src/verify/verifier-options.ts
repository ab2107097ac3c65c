import type { JsonWebKey } from 'node:crypto';
import type { SigningAlgorithm, Surface } from './claims.ts';
import type { VerifiedToken } from './verified-token.ts';

/** The trusted issuers, in exactly one of these forms. */
export type Trust =
  /** Tenants of one Tessera: the issuer is `${baseUrl}/tenants/${tenant}`, its keys are at `${issuer}/jwks.json`. */
  | { readonly baseUrl: string; readonly tenants: 'all' | readonly string[] }
  /** One tenant, by its whole issuer. */
  | { readonly issuer: string }
  | { readonly issuers: readonly (string | ListedIssuer)[] };

export interface ListedIssuer {
  readonly issuer: string;
  /** Default: `${issuer}/jwks.json`. */
  readonly jwksUri?: string;
  /** Inline keys. Nothing is fetched. */
  readonly jwks?: { readonly keys: readonly JsonWebKey[] };
}

export interface KeyOptions {
  /** The age after which a set is fetched again in the background. Default 300. */
  readonly maxAgeSeconds?: number;
  /** How long a set is used while Tessera does not answer. After that: `KEYS_UNAVAILABLE`. Default 86,400. */
  readonly staleSeconds?: number;
  /** Unknown kids cause at most one refetch in this time. Also the longest pause between tries while Tessera is down. Default 30. */
  readonly cooldownSeconds?: number;
  /** For a whole fetch, body included. Default 2,000. */
  readonly timeoutMilliseconds?: number;
  /** How many issuers are kept in memory. The least recently used one is evicted, but never a listed one. Default 1,000. */
  readonly maxIssuers?: number;
}

export interface RevocationOptions {
  /** The maximum age of the last response; after that the list is stale. Default 30. The first response is awaited for `keys.timeoutMilliseconds`. */
  readonly maxStaleSeconds?: number;
  /** Default `accept`. `refuse` gives `REVOCATIONS_STALE`. Until the first list is read completely, both give `REVOCATIONS_STALE`. */
  readonly whenStale?: 'accept' | 'refuse';
  /** Replaces the feed by your own list, which is never stale. */
  readonly source?: { isRevoked(token: VerifiedToken): boolean };
}

export interface CommonVerifierOptions {
  /** The token's one `aud` must equal one of them. */
  readonly audience: string | readonly string[];
  /** Default `['user']`: tokens of administrators and of services are refused unless listed here. */
  readonly surfaces?: readonly Surface[];
  /** The accepted algorithms. Default: all three. The key's own `alg` decides, never the header. */
  readonly algorithms?: readonly SigningAlgorithm[];
  /** For exp, nbf and iat alike. Default 30, at most 60. */
  readonly clockSkewSeconds?: number;
  /** A longer `exp` − `iat` is refused. Default 86,400. */
  readonly maxLifetimeSeconds?: number;
  readonly keys?: KeyOptions;
  /**
   * Default: the feed is polled at `fetchBaseUrl`, at `baseUrl`, or at the part of an issuer before `/tenants/<id>`. Off with `'off'`, or when all
   * issuers have inline keys.
   */
  readonly revocations?: 'off' | RevocationOptions;
  /** Where to fetch when the public name is not reachable from here. Never compared with `iss`. */
  readonly fetchBaseUrl?: string;
  /** Default: the system clock. For token times only. */
  readonly nowSeconds?: () => number;
  /** Allows fetching keys by http from hosts other than localhost, 127.0.0.0/8 and [::1]. Anybody on the network path can then sign tokens. */
  readonly dangerouslyAllowPlainHttp?: true;
}

export type VerifierOptions = Trust &
  CommonVerifierOptions & {
    /**
     * Further issuers whose tokens are accepted as well, each entry with its own audience, surfaces and revocations. Entries inherit nothing. No issuer
     * may be trusted twice.
     */
    readonly alsoTrust?: readonly (Trust & CommonVerifierOptions)[];
  };
