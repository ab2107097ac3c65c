import type { Database, Row } from '../../database/database.ts';
import { type DirectoryRelations, type EmailLookup, type Relation, RELATIONS } from './directory-relations.ts';
import { EXTERNAL_OWNER, EXTERNAL_PREFIX, EXTERNAL_VIEWS, TYPES_OF } from './external-contract.ts';

/** The columns of the views, as the server describes them. */
type FoundViews = ReadonlyMap<string, ReadonlyMap<string, FoundColumn>>;

interface FoundColumn {
  readonly type: string;
  readonly isZeroFilled: boolean;
  readonly collation: string;
}

export interface ExternalDirectoryCheck {
  /** What breaks the contract, each a sentence that names the view and the column. Empty: nothing. */
  readonly faults: readonly string[];
  /** Only to be used without faults. */
  readonly relations: DirectoryRelations;
}

const VIEW_NAMES = Object.keys(EXTERNAL_VIEWS).map((name) => `${EXTERNAL_PREFIX}${name}`);

/** The limit is far above the number of columns: the database may hold anything. */
const COLUMNS = `
SELECT SUBSTR(c.table_name, 1, 64) AS view_name, SUBSTR(c.column_name, 1, 64) AS column_name,
       SUBSTR(c.data_type, 1, 64) AS data_type, c.column_type LIKE '%zerofill%' AS zero_filled,
       SUBSTR(c.collation_name, 1, 64) AS collation_name
  FROM information_schema.columns c
 WHERE c.table_schema = DATABASE() AND c.table_name IN (${VIEW_NAMES.map((name) => `'${name}'`).join(', ')})
 LIMIT 1000`;

/** Compares the views of a database with the contract of an external directory, by what the server says about them. Reads no row. */
export async function checkExternalDirectory(database: Pick<Database, 'query'>): Promise<ExternalDirectoryCheck> {
  const found = foundViews(await database.query(COLUMNS));
  const faults = Object.entries(EXTERNAL_VIEWS).flatMap(([relation, { isRequired, columns }]) => {
    const view = `${EXTERNAL_PREFIX}${relation}`;
    const present = found.get(view);
    if (present === undefined) return isRequired ? [`the view ${view} is missing or cannot be read`] : [];
    return Object.entries(columns).flatMap(([column, kind]) => {
      const known = present.get(column);
      if (known === undefined) return [`the view ${view} has no column ${column}`];
      const fault = typeFault(known, kind);
      return fault === undefined ? [] : [`the column ${column} of ${view} ${fault}`];
    });
  });
  return { faults: faults.length > 0 ? faults : idFaults(found), relations: relationsOf(found) };
}

function foundViews(rows: readonly Row[]): FoundViews {
  const views = new Map<string, Map<string, FoundColumn>>();
  for (const row of rows) {
    // As written: on most servers TESSERA_USERS is another view than tessera_users, which the statements name.
    const view = String(row['view_name']);
    const columns = views.get(view) ?? new Map<string, FoundColumn>();
    views.set(view, columns);
    columns.set(String(row['column_name']).toLowerCase(), {
      type: String(row['data_type']).toLowerCase(),
      isZeroFilled: Number(row['zero_filled']) === 1,
      collation: String(row['collation_name']),
    });
  }
  return views;
}

function typeFault({ type, isZeroFilled }: FoundColumn, kind: 'id' | 'text' | 'integer'): string | undefined {
  const isText = TYPES_OF.text.has(type);
  const isInteger = TYPES_OF.integer.has(type);
  if (kind === 'id' ? isText || isInteger : TYPES_OF[kind].has(type))
    // Two columns could write one number differently, and tokens name users by the text of their ids.
    return kind === 'id' && isZeroFilled ? 'is filled with zeros: give it a type without ZEROFILL' : undefined;
  const wanted = { id: 'a text or an integer', text: 'a text, such as varchar', integer: 'an integer' }[kind];
  // The server belongs to others, and this is printed.
  return `has the type ${/^[a-z0-9 ]{1,32}$/.test(type) ? type : 'of something else'}: it must be ${wanted}`;
}

/** Ids are compared with each other: a server would take the text "7 or so" and the number 7 as equal. */
function idFaults(found: FoundViews): string[] {
  const isInteger = (relation: string, column: string): boolean | undefined => {
    const type = found.get(`${EXTERNAL_PREFIX}${relation}`)?.get(column)?.type;
    return type === undefined ? undefined : TYPES_OF.integer.has(type);
  };
  const wanted = isInteger('users', 'id');
  return (['user_roles', 'user_group_members', 'user_identities'] as const)
    .filter((relation) => (isInteger(relation, 'user_id') ?? wanted) !== wanted)
    .map(
      (relation) =>
        `the column user_id of ${EXTERNAL_PREFIX}${relation} must be ${wanted === true ? 'an integer' : 'a text'}, as id of ${EXTERNAL_PREFIX}users is`,
    );
}

function relationsOf(found: FoundViews): DirectoryRelations {
  const from = Object.fromEntries(RELATIONS.map((relation) => [relation, fromOf(relation, found)]));
  const collation = found.get(`${EXTERNAL_PREFIX}users`)?.get('email')?.collation ?? '';
  return Object.freeze({
    layout: 'external',
    owner: EXTERNAL_OWNER,
    from: Object.freeze(from) as DirectoryRelations['from'],
    emailLookup: emailLookupOf(collation),
    emailCollation: collation,
  });
}

/** A view that is left out is empty. The names of roles are also in another view, which is not optional. */
function fromOf(relation: Relation, found: FoundViews): string {
  const view = `${EXTERNAL_PREFIX}${relation}`;
  if (found.has(view)) return view;
  if (relation === 'roles') return `(SELECT DISTINCT role_name AS name FROM ${EXTERNAL_PREFIX}role_scopes)`;
  const nothing = Object.keys(EXTERNAL_VIEWS[relation].columns).map((column) => `NULL AS ${column}`);
  return `(SELECT ${nothing.join(', ')} FROM ${EXTERNAL_OWNER} WHERE 1 = 0)`;
}

/** Collations that are known to ignore the case of every ASCII letter. Turkish ones, for example, keep "I" and "i" apart. */
const CASELESS =
  /^(?:ascii|latin1|utf8|utf8mb3|utf8mb4)_(?:general|swedish|unicode|unicode_520|uca1400|0900)(?:_nopad)?(?:_a[is])?_ci$/;

function emailLookupOf(collation: string): EmailLookup {
  return CASELESS.test(collation) ? 'caseless column' : 'converted column';
}
