import type { ClientId, ProjectId, TenantId, TrustId } from '../domain/ids.ts';
import type { Status, TenantStatus } from '../domain/status.ts';
import type { PersonSurface } from '../domain/surface.ts';

export type SigningAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** The database of a tenant's directory. The credentials for `mysql` are in Vault at `database/<tenant>`. */
export type TenantDatabase =
  | { readonly driver: 'sqlite' }
  | { readonly driver: 'mysql'; readonly host: string; readonly port: number; readonly name: string };

/**
 * Who makes the relations of a tenant's directory. `managed`: Tessera makes its own tables and writes them. `external`: the database is an
 * application's own; Tessera only reads views that its operator made.
 */
export type DirectoryKind = 'managed' | 'external';
export const DIRECTORY_KINDS: readonly DirectoryKind[] = Object.freeze(['managed', 'external']);

export type ClientPolicy =
  | { readonly kind: 'confidential' }
  /** CIDR blocks from which the client may request tokens without a secret. User surface only. Never empty. */
  | { readonly kind: 'secretless'; readonly networks: readonly string[] }
  /** The client authenticates by its keys or as a workload (RFC 7523). It has no secret, and one that Vault holds is not accepted. */
  | { readonly kind: 'assertion' };

/** What a token of this client may be exchanged for (RFC 8693). */
export interface ExchangeRule {
  /** The audience of the new token. */
  readonly to: string;
  /** `subset`: at most the scopes of the presented token; a set: at most these, whatever the presented token has. */
  readonly scopes: 'subset' | ReadonlySet<string>;
}

/** A public key of a client (RFC 7517), with `kid` and `alg`. */
export type ClientKey = Readonly<Record<string, string>>;

/** A client that authenticates by tokens of a trusted issuer of its tenant, which must meet these conditions besides the issuer's own. */
export interface Workload {
  readonly issuer: TrustId;
  /** One of them is on `sub`. */
  readonly conditions: ReadonlyMap<string, Condition>;
}

export interface Client {
  readonly id: ClientId;
  readonly projectId: ProjectId;
  readonly status: Status;
  readonly policy: ClientPolicy;
  readonly surfaces: readonly PersonSurface[];
  readonly audience: string;
  /** The scopes that a token of this client may have at most. `unbounded` must be explicit. */
  readonly scopes: ReadonlySet<string> | 'unbounded';
  /** The subjects for which the client may request tokens. Domains are ASCII lower case. */
  readonly subjects: { readonly domains: ReadonlySet<string> } | 'any';
  /** The client's own limit on token lifetime; undefined: the tenant's limit applies. */
  readonly ttlSeconds: number | undefined;
  /** The audiences that it may ask for at the token endpoint besides `audience`, the default. */
  readonly audiences: readonly string[];
  /** The audiences whose tokens it may exchange. Undefined: its own `audience`. */
  readonly receives: readonly string[] | undefined;
  /** What it may exchange tokens for. Empty: nothing. */
  readonly exchange: readonly ExchangeRule[];
  /** Opens the surface `service`: the roles of tokens that the client has for itself. Undefined: it has none. */
  readonly service: { readonly roles: readonly string[] } | undefined;
  /** Keys that it signs client assertions with. */
  readonly keys: readonly ClientKey[];
  /** Where such keys are. Undefined: nowhere but in `keys`. */
  readonly jwksUri: string | undefined;
  readonly workload: Workload | undefined;
}

export interface Project {
  readonly id: ProjectId;
  readonly name: string;
  readonly status: Status;
  readonly clients: ReadonlyMap<ClientId, Client>;
}

export type ConditionValue = string | number | boolean;

/** What a claim must have: one of these values, a word in its space-separated text, or a key in its map. */
export type Condition = readonly ConditionValue[] | { readonly contains: string } | { readonly hasKey: string };

/** The subject is linked to the value of a claim. */
export interface LinkedSubject {
  readonly match: 'linked';
  /** A claim or a JSON pointer, whose value stands for `sub` in linked identities. Absent: `sub`. */
  readonly claim?: string;
}

/** Every accepted token is about this subject. The conditions decide which tokens are accepted, and name at least one claim besides iss and aud. */
export interface FixedSubject {
  readonly match: 'user';
  /** Of a user, or of an administrator if the trust is for that surface. It has one surface. */
  readonly id: string;
}

/** SPIFFE's purpose of a key that signs JWT-SVIDs (SPIFFE Trust Domain and Bundle, section 4.2.2). */
export type KeyUse = 'jwt-svid';

/** A trusted issuer of the tenant, with its conditions. */
export interface Trust {
  readonly id: TrustId;
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  readonly audiences: readonly string[];
  /** The claim that names the audience instead of `aud`. Undefined: `aud`, as everywhere but in some access tokens. */
  readonly audienceClaim: 'client_id' | undefined;
  /** The parties (`azp`) that may have asked for a token. Undefined: any, if no foreign audience is named. */
  readonly azp: readonly string[] | undefined;
  readonly algorithms: readonly string[];
  /** A purpose that its keys may state instead of `sig`, the `use` of a JWK. Undefined: `sig` or none. */
  readonly keyUse: KeyUse | undefined;
  /** Accepted `typ` values in addition to the usual ones: media types, lower case, without `application/`. */
  readonly types: readonly string[];
  /** Claims, by name or by JSON pointer, with what they must have; `none` must be explicit. */
  readonly conditions: ReadonlyMap<string, Condition> | 'none';
  /** Whether the text `"true"` in `email_verified` counts as the boolean. Undefined: it does not. */
  readonly emailVerified: 'text_allowed' | undefined;
  readonly subject: { readonly match: 'email'; readonly domains: ReadonlySet<string> } | LinkedSubject | FixedSubject;
  readonly clients: readonly ClientId[];
  readonly surfaces: readonly PersonSurface[];
  readonly maxAgeSeconds: number;
  readonly maxLifetimeSeconds: number;
}

/** A frozen snapshot of one tenant's control plane data. A change makes a new snapshot with a higher version. */
export interface Tenant {
  readonly id: TenantId;
  readonly version: number;
  readonly name: string;
  readonly status: TenantStatus;
  readonly database: TenantDatabase;
  readonly directory: DirectoryKind;
  /** The ids of its administrators. A user with one of them gets no token: services tell subjects apart by `sub`. */
  readonly administratorIds: ReadonlySet<string>;
  readonly tokens: { readonly algorithm: SigningAlgorithm; readonly ttlSeconds: number };
  readonly projects: ReadonlyMap<ProjectId, Project>;
  readonly trusts: readonly Trust[];
}

/** What a tenants file says about a tenant itself. Its version and its administrators are stored beside it. */
export type TenantFacts = Omit<Tenant, 'version' | 'administratorIds'>;
