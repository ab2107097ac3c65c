import { OperatorError } from '../../errors/operator-error.ts';
import { parseEmail } from '../../domain/email.ts';
import { parseDuration } from '../../provisioning/file/duration.ts';
import { readHolders, readUsersById } from '../../directory/provisioning/read-directory.ts';
import { KINDS, type Kind } from './kinds.ts';
import { labelOf, noSuchObject } from './no-such-object.ts';
import type { ObjectDocument } from './object-documents.ts';
import type { PathKind } from './object-path.ts';
import { documentOf, NOTHING, type WrittenChange } from './tenant-document.ts';
import type { TenantSource } from './tenant-source.ts';

/** Writes one change from what exists at that time. The caller holds the apply lock, so that no other change is lost. */
export type BuildChange = (source: TenantSource, name: string) => Promise<WrittenChange>;

/** More members than a tenant has users: a group is removed from all of them. */
const ALL_USERS = 1_000_000;

/** Creates the thing. The same command again changes nothing; a thing with other values is left as it is. */
export function adding(kind: PathKind, members: Readonly<Record<string, unknown>>): BuildChange {
  return async (source, name) => {
    const present = await kindOf(kind).show(source, name);
    if (present === undefined) return { document: documentOf(kind, name, members) };
    const other = Object.keys(members).filter((member) => !isSame(member, members[member], present));
    if (other.length === 0) return NOTHING;
    throw new OperatorError(
      `Tenant ${source.tenantId} has ${kind} "${name}" already, with other ${other.join(', ')}. Nothing was changed. Change it with \`tessera apply\`, or choose another name.`,
    );
  };
}

/** A project is not created along: its id may be mistyped. */
export function addingClient(members: Readonly<Record<string, unknown>>): BuildChange {
  return async (source, name) => {
    await presentOf('project', source, name.slice(0, name.indexOf('/')));
    return adding('client', members)(source, name);
  };
}

export function withStatus(kind: PathKind, status: 'active' | 'disabled'): BuildChange {
  return async (source, name) => {
    const { key } = await presentOf(kind, source, name);
    return { document: documentOf(kind, key, { status }) };
  };
}

/** Adds a value to a member that is a list, or takes it away. */
export function editing(
  kind: PathKind,
  member: 'roles' | 'groups',
  action: 'add' | 'take',
  value: string,
): BuildChange {
  return async (source, name) => {
    const { key, document } = await presentOf(kind, source, name);
    const values = document[member] as readonly string[];
    if (action === 'add')
      return values.includes(value) ? NOTHING : { document: documentOf(kind, key, { [member]: [...values, value] }) };
    if (!values.includes(value))
      return { ...NOTHING, notes: await whyNotTaken(kind, source, key, document, member, value) };
    return { document: documentOf(kind, key, { [member]: values.filter((one) => one !== value) }) };
  };
}

export function removing(kind: 'user' | 'client'): BuildChange {
  return async (source, name) => {
    const found = await findPresent(kind, source, name);
    return found === undefined
      ? { ...NOTHING, notes: [`Tenant ${source.tenantId} has no ${labelOf(kind, name)}.`] }
      : { document: {}, remove: { [`${kind}s`]: [found.key] } };
  };
}

/** Its users lose it in the same transaction. */
export function removingGroup(): BuildChange {
  return async (source, name) => {
    if ((await kindOf('group').show(source, name)) === undefined)
      return { ...NOTHING, notes: [`Tenant ${source.tenantId} has no ${labelOf('group', name)}.`] };
    const members = await source.read(async (ask) =>
      readUsersById(ask, await readHolders(ask, 'group', name, ALL_USERS)),
    );
    const users = members.map(({ id, groups }) => ({ id, groups: groups.filter((group) => group !== name) }));
    return { document: users.length === 0 ? {} : { users }, remove: { groups: [name] } };
  };
}

/** The other way round: the group is the argument, the user the operand. */
export function membership(action: 'add' | 'take', user: string): BuildChange {
  return async (source, group) => {
    if (action === 'add') await presentOf('group', source, group);
    return editing('user', 'groups', action, group)(source, user);
  };
}

interface Present {
  /** The name with which the tenants file names it: an id, where an address was given. */
  readonly key: string;
  readonly document: ObjectDocument;
}

async function findPresent(kind: PathKind, source: TenantSource, name: string): Promise<Present | undefined> {
  const document = await kindOf(kind).show(source, name);
  if (document === undefined) return undefined;
  const { id } = document;
  return { key: (kind === 'user' || kind === 'admin') && typeof id === 'string' ? id : name, document };
}

async function presentOf(kind: PathKind, source: TenantSource, name: string): Promise<Present> {
  const found = await findPresent(kind, source, name);
  if (found === undefined) throw await noSuchObject(kindOf(kind), source, name);
  return found;
}

/** A role that comes from a group is not taken away from the user alone: an operator must not believe that it was. */
async function whyNotTaken(
  kind: PathKind,
  source: TenantSource,
  key: string,
  document: ObjectDocument,
  member: 'roles' | 'groups',
  value: string,
): Promise<string[]> {
  if (kind !== 'user' || member !== 'roles') return [];
  const groups = (document['groups'] as readonly string[] | undefined) ?? [];
  const giving = (await kindOf('group').list(source, { after: undefined, limit: 0 }))
    .filter(({ name, roles }) => groups.includes(name as string) && (roles as readonly string[]).includes(value))
    .map(({ name }) => name as string);
  return giving.map(
    (group) =>
      `User "${key}" has role "${value}" through group "${group}": \`tessera group leave\` or \`tessera group ungrant\` takes it away.`,
  );
}

function isSame(member: string, given: unknown, present: ObjectDocument): boolean {
  if (given === undefined) return true;
  if (member === 'ttl') return parseDuration(given as string) === present['ttl_seconds'];
  if (member === 'email') return parseEmail(given)?.canonical === parseEmail(present['email'])?.canonical;
  return canonical(given) === canonical(present[member]);
}

/** Lists mean sets. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (Array.isArray(inner) ? [...new Set(inner)].sort() : inner));
}

function kindOf(singular: PathKind): Kind {
  const kind = KINDS.find((one) => one.singular === singular);
  if (kind === undefined) throw new Error(`there is no kind ${singular}`);
  return kind;
}
