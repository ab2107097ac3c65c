import { unavailable } from '../errors/tessera-error.ts';
import type { Database, Row } from '../database/database.ts';
import { EMAIL_LENGTH, GRANT_NAME_LENGTH, SUBJECT_ID_LENGTH } from '../control-plane/entities/tenant.entity.ts';
import { readRequiredText, readScopeName, readText } from './bounded-text.ts';
import { grantsTexts, MAX_GRANT_ROWS, MAX_LINKS } from './grants-texts.ts';
import type { DirectoryRelations } from '../tenancy/relations/directory-relations.ts';
import { TENANT_DATABASE, tenantDatabaseFailure } from '../tenancy/tenant-database.ts';
import { type CanonicalEmail, parseEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import { type GrantPath, pathsFromRows } from './grant-paths.ts';
import { linksOf } from './linked-identity.ts';
import type { GrantedScope, Subject } from './subject.ts';
import { readStatus } from '../domain/status.ts';

/** Where a directory is read, and where its relations are. */
export interface ReadableDirectory extends Pick<Database, 'query'> {
  readonly relations: DirectoryRelations;
}

export async function findGrantsByEmail(
  directory: ReadableDirectory,
  tenantId: TenantId,
  email: CanonicalEmail,
): Promise<Subject | undefined> {
  return subjectOfEmail(directory, tenantId, await queryByEmail(directory, email), email);
}

/** A subject and the paths to its scopes, from one read. For commands: a token needs no paths. */
export interface SubjectWithPaths {
  readonly subject: Subject;
  readonly paths: readonly GrantPath[];
}

/** Like `findGrantsByEmail`. */
export async function findGrantPathsByEmail(
  directory: ReadableDirectory,
  tenantId: TenantId,
  email: CanonicalEmail,
): Promise<SubjectWithPaths | undefined> {
  const rows = await queryByEmail(directory, email);
  return withPaths(rows, subjectOfEmail(directory, tenantId, rows, email));
}

function withPaths(rows: readonly Row[], subject: Subject | undefined): SubjectWithPaths | undefined {
  return subject && { subject, paths: pathsFromRows(rows, subject.id) };
}

function queryByEmail(directory: ReadableDirectory, email: CanonicalEmail): Promise<Row[]> {
  return directory.query(grantsTexts(directory.relations).byEmail, [email, email, email]);
}

function subjectOfEmail(
  { relations }: ReadableDirectory,
  tenantId: TenantId,
  rows: readonly Row[],
  email: CanonicalEmail,
): Subject | undefined {
  const subject = subjectFromRows(tenantId, rows, (row) => canonicalEmail(relations, row) === email);
  // SQL may have written a canonical form that is not the address's own.
  return parseEmail(subject?.email)?.canonical === email ? subject : undefined;
}

export async function findGrantsByIdentity(
  directory: ReadableDirectory,
  tenantId: TenantId,
  issuer: string,
  sub: string,
): Promise<Subject | undefined> {
  // Also queried without a link, so that the owner is checked before the answer "unknown".
  return findGrantsById(directory, tenantId, await findLinkedId(directory, tenantId, issuer, sub));
}

/** @returns the id of the user with that linked identity; empty: there is no link */
export async function findLinkedId(
  directory: ReadableDirectory,
  tenantId: TenantId,
  issuer: string,
  sub: string,
): Promise<string> {
  const links = await linksOf(sub, () => directory.query(grantsTexts(directory.relations).identity, [issuer, sub]));
  const [link, another] = links.filter((row) => row['issuer'] === issuer && row['sub'] === sub);
  if (another !== undefined || links.length >= MAX_LINKS)
    throw tenantDatabaseFailure(tenantId, 'holds one identity for two users');
  return link === undefined ? '' : readRequiredText(link, 'user_id', SUBJECT_ID_LENGTH);
}

/** @param id empty: matches no user */
export async function findGrantsById(
  directory: ReadableDirectory,
  tenantId: TenantId,
  id: string,
): Promise<Subject | undefined> {
  return subjectOfId(tenantId, await queryById(directory, id), id);
}

/** Like `findGrantsById`. */
export async function findGrantPathsById(
  directory: ReadableDirectory,
  tenantId: TenantId,
  id: string,
): Promise<SubjectWithPaths | undefined> {
  const rows = await queryById(directory, id);
  return withPaths(rows, subjectOfId(tenantId, rows, id));
}

function queryById(directory: ReadableDirectory, id: string): Promise<Row[]> {
  return directory.query(grantsTexts(directory.relations).byId, [id, id, id]);
}

function subjectOfId(tenantId: TenantId, rows: readonly Row[], id: string): Subject | undefined {
  return subjectFromRows(tenantId, rows, (row) => id !== '' && row['id'] === id);
}

/** The canonical form of a user's address, which distinguishes people. An application keeps none, so it is made here. */
function canonicalEmail({ emailLookup }: DirectoryRelations, row: Row): unknown {
  return emailLookup === 'canonical column' ? row['email_canonical'] : parseEmail(row['email'])?.canonical;
}

/** @param isMeant compares byte by byte, so that no collation of a tenant's database can confuse two people */
function subjectFromRows(
  tenantId: TenantId,
  rows: readonly Row[],
  isMeant: (row: Row) => boolean,
): Subject | undefined {
  const persons = rows.filter((row) => row['owner'] !== null);
  if (persons.some((row) => row['owner'] !== tenantId))
    throw tenantDatabaseFailure(tenantId, 'belongs to another tenant');
  if (rows.length > MAX_GRANT_ROWS) throw tenantDatabaseFailure(tenantId, 'a subject has too many grants');
  if (persons.length === 0) throw tenantDatabaseFailure(tenantId, 'belongs to no tenant');
  const [person, another] = persons.filter(isMeant);
  if (person === undefined) return undefined;
  // The views of an external directory may repeat a user, or give two of them one address.
  if (another !== undefined) throw tenantDatabaseFailure(tenantId, 'holds two users where there must be one');
  const id = subjectId(person);
  const email = readRequiredText(person, 'email', EMAIL_LENGTH);
  // Found by its id or a linked identity. A verifier of the token takes the claim for an address.
  if (parseEmail(email) === undefined) throw unavailable(TENANT_DATABASE, 'holds an address that is not valid');
  const grants = rows.filter((row) => row['owner'] === null && row['id'] === id);
  return subjectFrom({
    id,
    email,
    // The tenant writes this column too, so it may hold any text.
    status: readStatus(person['status']),
    roles: distinct(grants, 'role_name'),
    groups: distinct(grants, 'group_name'),
    scopes: distinctScopes(grants),
  });
}

/** The id appears in log lines and in audit records. The audit column accepts only ASCII, and one invalid row would fail the whole batch. */
function subjectId(person: Row): string {
  const id = readRequiredText(person, 'id', SUBJECT_ID_LENGTH);
  if (!/^[\x21-\x7e]+$/.test(id)) throw unavailable(TENANT_DATABASE, 'holds an id that is not printable ASCII');
  return id;
}

/** Freezes the subject deeply, because cached subjects are shared by all requests. */
export function subjectFrom(subject: Subject): Subject {
  return Object.freeze({
    ...subject,
    roles: Object.freeze(subject.roles),
    groups: Object.freeze(subject.groups),
    scopes: Object.freeze(subject.scopes),
  });
}

function distinct(rows: readonly Row[], column: string): string[] {
  const names = new Set<string>();
  for (const row of rows) {
    const name = readText(row, column, GRANT_NAME_LENGTH);
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

/** The scopes of rows of a grants query, sorted by name. */
export function distinctScopes(rows: readonly Row[]): GrantedScope[] {
  const scopes = new Map<string, GrantedScope>();
  for (const row of rows) {
    const name = readScopeName(row, 'scope_name');
    if (name !== undefined)
      scopes.set(name, Object.freeze({ name, resource: readText(row, 'resource', GRANT_NAME_LENGTH) }));
  }
  return [...scopes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
