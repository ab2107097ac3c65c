/**
 * How a tenant's directory is laid out in its database.
 *
 * - `plain`: Tessera's tables without a prefix, as earlier versions made them
 * - `prefixed`: Tessera's tables
 * - `external`: views over an application's own tables, made by the operator of the database
 */
export type DirectoryLayout = 'plain' | 'prefixed' | 'external';

/** How a user is found by an address in canonical form. */
export type EmailLookup =
  /** The directory has a column with the canonical form. */
  | 'canonical column'
  /** The column of addresses has a collation that ignores the case of ASCII letters, so that its index can be used. */
  | 'caseless column'
  /** It does not, so each value is converted. */
  | 'converted column';

/** The relations of a directory that are read for a token, by what they hold. */
export const RELATIONS = [
  'users',
  'user_roles',
  'user_group_members',
  'user_group_roles',
  'role_scopes',
  'scopes',
  'user_identities',
  'roles',
  'user_groups',
] as const;
export type Relation = (typeof RELATIONS)[number];

/** A directory's relations in one tenant's database. Frozen, and made once for each opening: query texts are kept by this object. */
export interface DirectoryRelations {
  readonly layout: DirectoryLayout;
  /** The relation that names the tenant in its column `tenant_id`. */
  readonly owner: string;
  /** What follows FROM for each relation: a name, or an empty derived table for a view that is left out. */
  readonly from: Readonly<Record<Relation, string>>;
  readonly emailLookup: EmailLookup;
  /** Of the lookup `caseless column`, as it was at the opening. */
  readonly emailCollation?: string;
}

export const TABLE_PREFIX = 'tessera_';

/** The first migration of a directory with the layout `plain`. No other layout has it. */
const PLAIN_MIGRATION = 'Directory1764000000001';

function managed(layout: 'plain' | 'prefixed', prefix: string): DirectoryRelations {
  const from = Object.fromEntries(RELATIONS.map((relation) => [relation, `${prefix}${relation}`]));
  return Object.freeze({
    layout,
    owner: 'tessera_owner',
    from: Object.freeze(from) as DirectoryRelations['from'],
    emailLookup: 'canonical column',
  });
}

export const PLAIN_RELATIONS = managed('plain', '');
export const PREFIXED_RELATIONS = managed('prefixed', TABLE_PREFIX);

/**
 * The relations of a managed directory, from the migrations that ran in its database. The database itself decides, so a directory keeps its layout
 * when it is restored, moved to another server or applied again after its tenant was removed.
 */
export function managedRelations(finishedMigrations: readonly unknown[]): DirectoryRelations {
  return finishedMigrations.includes(PLAIN_MIGRATION) ? PLAIN_RELATIONS : PREFIXED_RELATIONS;
}
