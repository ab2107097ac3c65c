import type { Relation } from './directory-relations.ts';

/** What the values of a column are. `id`: a text or a whole number. */
export type ColumnKind = 'id' | 'text' | 'integer';

export interface ExternalView {
  readonly isRequired: boolean;
  /** In the order of docs/directory.md. */
  readonly columns: Readonly<Record<string, ColumnKind>>;
}

/** The version of the contract, which the view `tessera_directory` names. */
export const CONTRACT_VERSION = 1;

/** Names the tenant that the database belongs to, as the owner table of a managed directory does. */
export const EXTERNAL_OWNER = 'tessera_directory';

export const EXTERNAL_PREFIX = 'tessera_';

/** The views of an external directory without the prefix. docs/directory.md describes them. */
export const EXTERNAL_VIEWS: Readonly<Record<Relation | 'directory', ExternalView>> = {
  directory: { isRequired: true, columns: { tenant_id: 'text', version: 'integer' } },
  users: { isRequired: true, columns: { id: 'id', email: 'text', status: 'text' } },
  user_roles: { isRequired: true, columns: { user_id: 'id', role_name: 'text' } },
  role_scopes: { isRequired: true, columns: { role_name: 'text', scope_name: 'text' } },
  roles: { isRequired: false, columns: { name: 'text' } },
  scopes: { isRequired: false, columns: { name: 'text', resource: 'text' } },
  user_groups: { isRequired: false, columns: { name: 'text' } },
  user_group_members: { isRequired: false, columns: { user_id: 'id', group_name: 'text' } },
  user_group_roles: { isRequired: false, columns: { group_name: 'text', role_name: 'text' } },
  user_identities: { isRequired: false, columns: { issuer: 'text', sub: 'text', user_id: 'id' } },
};

/** Types of MySQL and MariaDB, as `information_schema` names them. */
export const TYPES_OF: Readonly<Record<Exclude<ColumnKind, 'id'>, ReadonlySet<string>>> = {
  integer: new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint']),
  text: new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum']),
};
