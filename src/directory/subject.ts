import type { CanonicalEmail } from '../domain/email.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Status } from '../domain/status.ts';
import type { Surface } from '../domain/surface.ts';

/** Whom a token is about, with all grants before any bound is applied. Frozen. */
export interface Subject {
  readonly id: string;
  /** The directory's own writing. */
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scopes: readonly GrantedScope[];
}

export interface GrantedScope {
  readonly name: string;
  /** The resource that the scope opens; undefined for an administrator's scope. */
  readonly resource: string | undefined;
}

/**
 * Where a surface's subjects are looked up: administrators in the control plane, users in the tenant's own database.
 * Rejects with `temporarily_unavailable` when the database does not answer; undefined means that there is no such subject.
 */
export abstract class SubjectDirectory {
  abstract findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined>;
  /** By linked identity: the issuer's URL and its `sub`, both exact. */
  abstract findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined>;
}

/** Each surface has its own. */
export type SubjectDirectories = Readonly<Record<Surface, SubjectDirectory>>;

/** How the subject is looked up in the directory. */
export type SubjectReference =
  | { readonly by: 'email'; readonly email: CanonicalEmail }
  | { readonly by: 'identity'; readonly issuer: string; readonly sub: string };
