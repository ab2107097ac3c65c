import type { JsonWebKey } from 'node:crypto';
import type { SigningAlgorithm, Surface } from './claims.ts';
import type { VerifiedToken } from './verified-token.ts';

/** Whose tokens are accepted: exactly one form. */
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
  /** The keys themselves: nothing is fetched. */
  readonly jwks?: { readonly keys: readonly JsonWebKey[] };
}

export interface KeyOptions {
  /** Older sets are fetched again behind the caller's back. Default 300. */
  readonly maxAgeSeconds?: number;
  /** How long a set serves while Tessera does not answer; then `KEYS_UNAVAILABLE`. Default 86,400. */
  readonly staleSeconds?: number;
  /** At most one refetch for unknown kids in this time, and the longest pause between tries while Tessera is down. Default 30. */
  readonly cooldownSeconds?: number;
  /** The whole fetch, body included. Default 2,000. */
  readonly timeoutMilliseconds?: number;
  /** Issuers kept in memory, least recently used out; listed ones stay. Default 1,000. */
  readonly maxIssuers?: number;
}

export interface RevocationOptions {
  /** Older than this since the last answer is stale. Default 30. The first answer is awaited for `keys.timeoutMilliseconds`. */
  readonly maxStaleSeconds?: number;
  /** Default `accept`. `refuse` gives `REVOCATIONS_STALE`; so do both until the first list was read completely, when nothing is known. */
  readonly whenStale?: 'accept' | 'refuse';
  /** In place of the feed: a list of your own, never stale. */
  readonly source?: { isRevoked(token: VerifiedToken): boolean };
}

export interface CommonVerifierOptions {
  /** The token's one `aud` must equal one of them. */
  readonly audience: string | readonly string[];
  /** Default `['user']`: an admin token is refused unless asked for. */
  readonly surfaces?: readonly Surface[];
  /** Default all three; can only narrow. The key's own `alg` decides, never the header. */
  readonly algorithms?: readonly SigningAlgorithm[];
  /** For exp, nbf and iat alike. Default 30, at most 60. */
  readonly clockSkewSeconds?: number;
  /** A longer `exp` − `iat` is refused. Default 86,400. */
  readonly maxLifetimeSeconds?: number;
  readonly keys?: KeyOptions;
  /**
   * Default: followed, at `baseUrl`, `fetchBaseUrl` or what stands before `/tenants/<id>` in an issuer. Off by the word `'off'`, or when all issuers have
   * inline keys.
   */
  readonly revocations?: 'off' | RevocationOptions;
  /** Where to fetch when the public name is not reachable from here. Never compared with `iss`. */
  readonly fetchBaseUrl?: string;
  /** Default: the system clock. For token times only. */
  readonly nowSeconds?: () => number;
  /** Lets keys come by http from other hosts than localhost, 127.0.0.0/8 and [::1]: whoever is on the way can then sign tokens. */
  readonly dangerouslyAllowPlainHttp?: true;
}

export type VerifierOptions = Trust & CommonVerifierOptions;
