import type { ClientPolicy, SigningAlgorithm, TenantDatabase } from '../../tenancy/tenant.ts';
import type { ClientId, ProjectId, TenantId, TrustId } from '../../domain/ids.ts';
import type { Surface } from '../../domain/surface.ts';
import type { Status, TenantStatus } from '../../domain/status.ts';

/**
 * What a tenants file says, checked and with every default filled in. Plain data in a canonical order (lists that mean sets are
 * sorted), so that two of these are equal exactly when their JSON is.
 */
export interface TenantsFile {
  readonly tenants: readonly TenantSpec[];
}

export interface TenantSpec {
  readonly id: TenantId;
  readonly name: string;
  readonly status: TenantStatus;
  readonly database: TenantDatabase;
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
  readonly algorithms: readonly string[];
  /** Kinds of tokens besides the usual ones, in their one writing. */
  readonly types: readonly string[];
  /** Claim and allowed values, sorted by claim; `none` is said in words. */
  readonly conditions: readonly (readonly [claim: string, values: readonly ConditionValue[]])[] | 'none';
  readonly subject: { readonly match: 'email'; readonly domains: readonly string[] } | { readonly match: 'linked' };
  readonly clients: readonly ClientId[];
  readonly surfaces: readonly Surface[];
  readonly maxAgeSeconds: number;
  readonly maxLifetimeSeconds: number;
}

export type ConditionValue = string | number | boolean;

export interface ProjectSpec {
  readonly id: ProjectId;
  readonly name: string;
  readonly status: Status;
  readonly clients: readonly ClientSpec[];
}

export interface ClientSpec {
  readonly id: ClientId;
  readonly status: Status;
  readonly policy: ClientPolicy;
  readonly surfaces: readonly Surface[];
  readonly audience: string;
  readonly scopes: readonly string[] | 'unbounded';
  readonly subjects: { readonly domains: readonly string[] } | 'any';
  /** Undefined: the tenant's. */
  readonly ttlSeconds: number | undefined;
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
  /** As written; compared by its canonical form. */
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

/** A person at a trusted issuer. */
export interface IdentitySpec {
  /** The issuer's URL: `sub` is unique within it alone, whatever this tenant calls it. */
  readonly issuer: string;
  readonly sub: string;
}
