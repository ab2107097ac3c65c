import type { Position } from './validation-error.ts';
import type {
  AdminSpec,
  ClientSpec,
  GroupSpec,
  IssuerSpec,
  ProjectSpec,
  RoleSpec,
  ScopeSpec,
  TenantSpec,
  TokensSpec,
  UserSpec,
} from './tenants-file.ts';

/**
 * A member as it is written. Undefined (left out): the present value is kept; a thing that is created gets the default. Null: the default of a new
 * thing, also for a thing that exists.
 */
export type Member<T> = T | null | undefined;

/** Where a thing and its members are written in a file. A thing that no file holds has none. */
export interface Place {
  readonly at: Position;
  /** Whether the member is written, valid or not. */
  has(member: string): boolean;
  /** @param item of a list, to find the position of that item */
  of(member: string, item?: string): Position;
}

interface Placed {
  readonly place?: Place;
}

type Partially<Spec, Key extends keyof Spec> = Placed &
  Readonly<Pick<Spec, Key>> & { readonly [Name in Exclude<keyof Spec, Key>]?: Member<Spec[Name]> };

/**
 * What a tenants file says: some things with some of their members. It is merged with what exists (`mergeTenant`), and only the result is complete.
 *
 * A command that changes one thing writes that thing with the members that change, and makes its plan with the code of `apply`:
 *
 *     const partial: PartialTenant = { id: acme, users: [{ id: 'u-ada', status: 'disabled' }] };
 *     const plan = await planFile({ tenants: [partial] }, await stores.controlPlane.readTenants(), stores, KEEP_THE_REST);
 *     if ('conflicts' in plan) refuse(plan.conflicts.map((fault) => describeFault(fault)));
 *
 * or calls `planOrRefuse` and `applyFile` of the command line, which also take the lock and migrate. Without `prune`, everything that the partial file
 * does not name stays as it is. A list of values (a user's `roles`) is replaced as a whole: read the present one first, under the same lock.
 */
export interface PartialTenantsFile {
  readonly tenants: readonly PartialTenant[];
}

export interface PartialTenant extends Partially<Pick<TenantSpec, 'id' | 'name' | 'status' | 'directory'>, 'id'> {
  readonly database?: Member<PartialDatabase>;
  readonly tokens?: Member<PartialTokens>;
  readonly issuers?: readonly PartialIssuer[] | undefined;
  readonly projects?: readonly PartialProject[] | undefined;
  readonly scopes?: readonly PartialScope[] | undefined;
  readonly roles?: readonly PartialRole[] | undefined;
  readonly groups?: readonly PartialGroup[] | undefined;
  readonly users?: readonly PartialUser[] | undefined;
  readonly admins?: readonly PartialAdmin[] | undefined;
  /** What a command removes. A file cannot say it: it removes what it leaves out, with `--prune`. */
  readonly remove?: RemovedThings | undefined;
}

export interface RemovedThings {
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  /** As `project/client`. */
  readonly clients?: readonly string[];
}

/** The members of both drivers. Which of them the database may have is known when it is merged. */
export interface PartialDatabase {
  readonly driver?: 'sqlite' | 'mysql' | undefined;
  readonly host?: string | undefined;
  readonly port?: Member<number>;
  readonly name?: string | undefined;
}

export type PartialTokens = Partially<TokensSpec, never>;
export type PartialIssuer = Partially<IssuerSpec, 'id'>;
export type PartialClient = Partially<ClientSpec, 'id'>;
export type PartialScope = Partially<ScopeSpec, 'name'>;
export type PartialRole = Partially<RoleSpec, 'name'>;
export type PartialGroup = Partially<GroupSpec, 'name'>;
export type PartialUser = Partially<Omit<UserSpec, 'identities'>, 'id'> & WithIdentities;
export type PartialAdmin = Partially<Omit<AdminSpec, 'identities'>, 'id'> & WithIdentities;

export interface PartialProject extends Partially<Omit<ProjectSpec, 'clients'>, 'id'> {
  readonly clients?: readonly PartialClient[] | undefined;
}

interface WithIdentities {
  readonly identities?: Member<readonly PartialIdentity[]>;
}

export interface PartialIdentity {
  /** The id of an issuer of the tenant; or the URL of one that is no longer trusted, for an identity that the person has already. */
  readonly issuer: string;
  readonly sub: string;
}
