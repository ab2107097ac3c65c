import type { CanonicalEmail } from '../domain/email.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Awaitable } from '../runtime/awaitable.ts';
import type { Status } from '../domain/status.ts';
import type { Surface } from '../domain/surface.ts';

/** The subject of a token with all its grants, before a client's limits are applied. Frozen. */
export interface Subject {
  readonly id: string;
  /** As written in the directory. Undefined for a service, which has none. */
  readonly email: string | undefined;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scopes: readonly GrantedScope[];
}

export interface GrantedScope {
  readonly name: string;
  /** The resource of the scope; undefined for an administrator's scope. */
  readonly resource: string | undefined;
}

/**
 * Looks up the subjects of a surface: administrators in the control plane, users in the tenant's own database, services in the tenant's configuration. Rejects with `temporarily_unavailable`
 * if the database does not answer. Undefined means that there is no such subject.
 */
export abstract class SubjectDirectory {
  abstract findByEmail(tenant: Tenant, email: CanonicalEmail): Awaitable<Subject | undefined>;
  /** Finds a subject by the id that tokens have as `sub`, compared exactly. */
  abstract findById(tenant: Tenant, id: string): Awaitable<Subject | undefined>;
  /** Finds a subject by linked identity: the issuer's URL and its `sub`, or the claim that stands for it, compared exactly. */
  abstract findByIdentity(tenant: Tenant, issuer: string, sub: string): Awaitable<Subject | undefined>;
}

/** Each surface has its own. */
export type SubjectDirectories = Readonly<Record<Surface, SubjectDirectory>>;

/** How a subject is looked up in the directory. */
export type SubjectReference =
  | { readonly by: 'email'; readonly email: CanonicalEmail }
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'identity'; readonly issuer: string; readonly sub: string };

/** Names the subject, for limits on failed attempts. It may hold an address: never for a log or a record. */
export function referenceText(reference: SubjectReference): string {
  if (reference.by === 'id') return reference.id;
  return reference.by === 'email' ? reference.email : JSON.stringify([reference.issuer, reference.sub]);
}

export function findSubject(
  directory: SubjectDirectory,
  tenant: Tenant,
  reference: SubjectReference,
): Awaitable<Subject | undefined> {
  if (reference.by === 'email') return directory.findByEmail(tenant, reference.email);
  if (reference.by === 'id') return directory.findById(tenant, reference.id);
  return directory.findByIdentity(tenant, reference.issuer, reference.sub);
}
