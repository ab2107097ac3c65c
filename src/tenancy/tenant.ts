import type { ClientId, ProjectId, TenantId, TrustId } from '../domain/ids.ts';
import type { Status, TenantStatus } from '../domain/status.ts';
import type { Surface } from '../domain/surface.ts';

export type SigningAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** Where a tenant's directory lives. Credentials of a `mysql` one are in Vault at `database/<tenant>`. */
export type TenantDatabase =
  | { readonly driver: 'sqlite' }
  | { readonly driver: 'mysql'; readonly host: string; readonly port: number; readonly name: string };

export type ClientPolicy =
  | { readonly kind: 'confidential' }
  /** CIDR blocks that the client may ask from without a secret; user surface only. Never empty. */
  | { readonly kind: 'secretless'; readonly networks: readonly string[] };

export interface Client {
  readonly id: ClientId;
  readonly projectId: ProjectId;
  readonly status: Status;
  readonly policy: ClientPolicy;
  readonly surfaces: readonly Surface[];
  readonly audience: string;
  /** Upper bound of what a token of this client may carry. Absent bounds do not exist: `unbounded` is said in words. */
  readonly scopes: ReadonlySet<string> | 'unbounded';
  /** For whom it may ask. Domains are ASCII lower case. */
  readonly subjects: { readonly domains: ReadonlySet<string> } | 'any';
  /** The client's own bound on a token's life; undefined: the tenant's. */
  readonly ttlSeconds: number | undefined;
}

export interface Project {
  readonly id: ProjectId;
  readonly name: string;
  readonly status: Status;
  readonly clients: ReadonlyMap<ClientId, Client>;
}

/** A foreign issuer that this tenant trusts, and under which conditions. */
export interface Trust {
  readonly id: TrustId;
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  /** Kinds of tokens (`typ`) besides those that any issuer may sign: media types, lower case, without `application/`. */
  readonly types: readonly string[];
  /** Claim name to the allowed values; `none` is said in words. */
  readonly conditions: ReadonlyMap<string, readonly (string | number | boolean)[]> | 'none';
  readonly subject: { readonly match: 'email'; readonly domains: ReadonlySet<string> } | { readonly match: 'linked' };
  readonly clients: readonly ClientId[];
  readonly surfaces: readonly Surface[];
  readonly maxAgeSeconds: number;
  readonly maxLifetimeSeconds: number;
}

/** A frozen snapshot of all that the control plane says about one tenant. A change makes a new one with a higher version. */
export interface Tenant {
  readonly id: TenantId;
  readonly version: number;
  readonly name: string;
  readonly status: TenantStatus;
  readonly database: TenantDatabase;
  readonly tokens: { readonly algorithm: SigningAlgorithm; readonly ttlSeconds: number };
  readonly projects: ReadonlyMap<ProjectId, Project>;
  readonly trusts: readonly Trust[];
}
