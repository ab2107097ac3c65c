import type {
  ClientKey,
  ClientPolicy,
  Condition,
  DirectoryKind,
  FixedSubject,
  KeyUse,
  LinkedSubject,
  SigningAlgorithm,
  TenantDatabase,
} from '../../tenancy/tenant.ts';
import type { ClientId, ProjectId, TenantId, TrustId } from '../../domain/ids.ts';
import type { PersonSurface } from '../../domain/surface.ts';
import type { Status, TenantStatus } from '../../domain/status.ts';

/**
 * A validated tenants file with all defaults filled in. Plain data in a canonical order (lists that mean sets are sorted), so that two are equal
 * exactly if their JSON is equal.
 */
export interface TenantsFile {
  readonly tenants: readonly TenantSpec[];
}

export interface TenantSpec {
  readonly id: TenantId;
  readonly name: string;
  readonly status: TenantStatus;
  readonly database: TenantDatabase;
  readonly directory: DirectoryKind;
  readonly tokens: TokensSpec;
  readonly issuers: readonly IssuerSpec[];
  readonly projects: readonly ProjectSpec[];
  readonly scopes: readonly ScopeSpec[];
  readonly roles: readonly RoleSpec[];
  readonly groups: readonly GroupSpec[];
  readonly users: readonly UserSpec[];
  readonly admins: readonly AdminSpec[];
}

export interface TokensSpec {
  readonly algorithm: SigningAlgorithm;
  readonly ttlSeconds: number;
}

export interface IssuerSpec {
  readonly id: TrustId;
  readonly issuer: string;
  /** Absent: discovery. */
  readonly jwksUri: string | undefined;
  readonly audiences: readonly string[];
  /** Absent: `aud`. */
  readonly audienceClaim: 'client_id' | undefined;
  /** Absent: any party that the audience allows. */
  readonly azp: readonly string[] | undefined;
  readonly algorithms: readonly string[];
  /** Absent: keys are for `sig`, or state no purpose. */
  readonly keyUse: KeyUse | undefined;
  /** Accepted `typ` values in addition to the usual ones, in canonical spelling. */
  readonly types: readonly string[];
  /** Claims and what they must have, sorted by claim; `none` is explicit. */
  readonly conditions: readonly (readonly [claim: string, condition: Condition])[] | 'none';
  /** Absent: only the boolean. */
  readonly emailVerified: 'text_allowed' | undefined;
  readonly subject: { readonly match: 'email'; readonly domains: readonly string[] } | LinkedSubject | FixedSubject;
  readonly clients: readonly ClientId[];
  readonly surfaces: readonly PersonSurface[];
  readonly maxAgeSeconds: number;
  readonly maxLifetimeSeconds: number;
}

export interface ProjectSpec {
  readonly id: ProjectId;
  readonly name: string;
  readonly status: Status;
  readonly clients: readonly ClientSpec[];
}

export interface ClientSpec extends TokenEndpointSpec {
  readonly id: ClientId;
  readonly status: Status;
  readonly policy: ClientPolicy;
  readonly surfaces: readonly PersonSurface[];
  readonly audience: string;
  readonly scopes: readonly string[] | 'unbounded';
  readonly subjects: { readonly domains: readonly string[] } | 'any';
  /** Undefined: the tenant's lifetime applies. */
  readonly ttlSeconds: number | undefined;
}

/** The members of a client that only the token endpoint uses. */
export interface TokenEndpointSpec {
  readonly audiences: readonly string[];
  /** Undefined: its own `audience`. */
  readonly receives: readonly string[] | undefined;
  /** Sorted by `to`. */
  readonly exchange: readonly ExchangeSpec[];
  readonly service: ServiceSpec | undefined;
  /** Sorted by `kid`, with public members only. */
  readonly keys: readonly ClientKey[];
  readonly jwksUri: string | undefined;
  readonly workload: WorkloadSpec | undefined;
}

export interface ExchangeSpec {
  readonly to: string;
  readonly scopes: 'subset' | readonly string[];
}

export interface ServiceSpec {
  readonly roles: readonly string[];
}

export interface WorkloadSpec {
  readonly issuer: TrustId;
  /** Sorted by claim. */
  readonly conditions: readonly (readonly [claim: string, condition: Condition])[];
}

export interface ScopeSpec {
  readonly name: string;
  readonly resource: string | undefined;
}

export interface RoleSpec {
  readonly name: string;
  readonly scopes: readonly string[];
}

export interface GroupSpec {
  readonly name: string;
  readonly roles: readonly string[];
}

export interface PersonSpec {
  readonly id: string;
  /** As written in the file; compared in canonical form. */
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly identities: readonly IdentitySpec[];
}

export interface UserSpec extends PersonSpec {
  readonly groups: readonly string[];
}

export interface AdminSpec extends PersonSpec {
  readonly scopes: readonly string[];
}

/** A person's identity at a trusted issuer. */
export interface IdentitySpec {
  /** The issuer's URL, not its id in this tenant: `sub` is unique only within the issuer. */
  readonly issuer: string;
  readonly sub: string;
}
