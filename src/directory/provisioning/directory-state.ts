import type { Status } from '../../domain/status.ts';
import type { LinkedIdentity } from '../administrator.ts';

/** A tenant's whole directory, sorted by name or id. */
export interface DirectoryState {
  readonly scopes: readonly Scope[];
  readonly roles: readonly Role[];
  readonly groups: readonly Group[];
  readonly users: readonly User[];
}

export interface Scope {
  readonly name: string;
  readonly resource: string | undefined;
}

export interface Role {
  readonly name: string;
  readonly scopes: readonly string[];
}

export interface Group {
  readonly name: string;
  readonly roles: readonly string[];
}

export interface User {
  readonly id: string;
  /** As the operator wrote it; compared in canonical form. */
  readonly email: string;
  readonly status: Status;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly identities: readonly LinkedIdentity[];
}

/** `put` creates or replaces entries including their links; other entries stay. `remove` lists names and user ids. */
export interface DirectoryChanges {
  /** The entries to replace or remove, as they were when the changes were planned. */
  readonly before: DirectoryState;
  readonly scopes: { readonly put: readonly Scope[]; readonly remove: readonly string[] };
  readonly roles: { readonly put: readonly Role[]; readonly remove: readonly string[] };
  readonly groups: { readonly put: readonly Group[]; readonly remove: readonly string[] };
  readonly users: { readonly put: readonly User[]; readonly remove: readonly string[] };
}

export const EMPTY_DIRECTORY: DirectoryState = Object.freeze({ scopes: [], roles: [], groups: [], users: [] });
