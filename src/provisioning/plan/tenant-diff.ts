import type { DirectoryChanges } from '../../directory/provisioning/directory-state.ts';
import { shownPath } from '../../domain/text/shown-change.ts';
import { formatDuration } from '../file/duration.ts';
import { clientNode, issuerNode } from '../file/thing-nodes.ts';
import type { ClientSpec, TenantSpec } from '../file/tenants-file.ts';
import { canonicalJson, diffMembers, type FieldChange, type Members } from './field-changes.ts';
import { shownClientKey } from './shown-client-key.ts';

/** One line of a plan. Ids are paths below the tenant and never contain an email address. */
export interface Change {
  readonly action: 'create' | 'update' | 'remove';
  readonly kind: ChangeKind;
  readonly id: string;
  /** What an update changes. Empty for everything else. */
  readonly fields: readonly FieldChange[];
}

export type ChangeKind =
  | 'schema'
  | 'database'
  | 'tenant'
  | 'project'
  | 'client'
  | 'issuer'
  | 'scope'
  | 'role'
  | 'group'
  | 'user'
  | 'admin'
  | 'key_ring'
  | 'secret';

/** An item that is created, updated and removed as a whole. */
interface Part {
  readonly kind: ChangeKind;
  readonly id: string;
  readonly members: Members;
}

/** The changes in the tenant's own database. */
export function diffDirectory(before: TenantSpec | undefined, after: TenantSpec): Change[] {
  return diffParts(before === undefined ? [] : directoryParts(before), directoryParts(after));
}

/** The same changes as rows to put and to remove. */
export function directoryChanges(before: TenantSpec, after: TenantSpec): DirectoryChanges {
  const nameOf = ({ name }: { readonly name: string }) => name;
  const idOf = ({ id }: { readonly id: string }) => id;
  const scopes = putAndRemove(before.scopes, after.scopes, nameOf);
  const roles = putAndRemove(before.roles, after.roles, nameOf);
  const groups = putAndRemove(before.groups, after.groups, nameOf);
  const users = putAndRemove(before.users, after.users, idOf);
  return {
    before: { scopes: scopes.before, roles: roles.before, groups: groups.before, users: users.before },
    scopes,
    roles,
    groups,
    users,
  };
}

function putAndRemove<T extends object>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (item: T) => string,
): { before: readonly T[]; put: readonly T[]; remove: readonly string[] } {
  const old = new Map(before.map((item) => [keyOf(item), canonicalJson(item)]));
  const kept = new Set(after.map(keyOf));
  const put = after.filter((item) => old.get(keyOf(item)) !== canonicalJson(item));
  const replaced = new Set(put.map(keyOf));
  return {
    before: before.filter((item) => replaced.has(keyOf(item)) || !kept.has(keyOf(item))),
    put,
    remove: before.map(keyOf).filter((key) => !kept.has(key)),
  };
}

/** The changes in the control plane. */
export function diffControlPlane(before: TenantSpec | undefined, after: TenantSpec): Change[] {
  return diffParts(before === undefined ? [] : controlParts(before), controlParts(after));
}

function directoryParts(tenant: TenantSpec): Part[] {
  const part = (kind: ChangeKind, name: string, members: Members): Part => ({
    kind,
    id: `${tenant.id}/${name}`,
    members,
  });
  return [
    ...tenant.scopes.map(({ name, ...members }) => part('scope', name, members)),
    ...tenant.roles.map(({ name, ...members }) => part('role', name, members)),
    ...tenant.groups.map(({ name, ...members }) => part('group', name, members)),
    ...tenant.users.map(({ id, ...members }) => part('user', id, members)),
  ];
}

function controlParts(tenant: TenantSpec): Part[] {
  const part = (kind: ChangeKind, path: readonly string[], members: Members): Part => ({
    kind,
    id: [tenant.id, ...path].join('/'),
    members,
  });
  const { name, status, database, directory, tokens } = tenant;
  return [
    part('tenant', [], {
      name,
      status,
      database,
      directory,
      alg: tokens.algorithm,
      ttl: formatDuration(tokens.ttlSeconds),
    }),
    ...tenant.projects.flatMap((project) => [
      part('project', [project.id], { name: project.name, status: project.status }),
      ...project.clients.map((client) => part('client', [project.id, client.id], shownClient(client))),
    ]),
    ...tenant.issuers.map((issuer) => part('issuer', [issuer.id], { ...issuerNode(issuer) })),
    ...tenant.admins.map(({ id, ...members }) => part('admin', [id], members)),
  ];
}

function shownClient(client: ClientSpec): Members {
  return { ...clientNode(client), ...(client.keys.length > 0 && { keys: client.keys.map(shownClientKey) }) };
}

/** Creations and updates in the order of `after`, then removals in the reverse order of `before`. */
function diffParts(before: readonly Part[], after: readonly Part[]): Change[] {
  const key = ({ kind, id }: Pick<Part, 'kind' | 'id'>): string => `${kind} ${id}`;
  const old = new Map(before.map((part) => [key(part), part.members]));
  const kept = new Set(after.map(key));
  const changes: Change[] = [];
  for (const { kind, id: path, members } of after) {
    const id = shownPath(path);
    const present = old.get(key({ kind, id: path }));
    const fields = diffMembers(present ?? {}, members);
    if (present === undefined) changes.push({ action: 'create', kind, id, fields });
    else if (fields.length > 0) changes.push({ action: 'update', kind, id, fields });
  }
  for (const part of [...before].reverse()) {
    const { kind, id, members } = part;
    if (!kept.has(key(part)))
      changes.push({ action: 'remove', kind, id: shownPath(id), fields: diffMembers(members, {}) });
  }
  return changes;
}
