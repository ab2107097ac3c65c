import type { DirectoryChanges } from '../../directory/provisioning/directory-state.ts';
import { byCodeUnit } from '../file/readers/read-fields.ts';
import type { TenantSpec } from '../file/tenants-file.ts';

/** One line of a plan. Ids are paths below the tenant and never contain an email address. */
export interface Change {
  readonly action: 'create' | 'update' | 'remove';
  readonly kind: ChangeKind;
  readonly id: string;
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
  readonly content: string;
}

/** The changes in the tenant's own database. */
export function diffDirectory(before: TenantSpec | undefined, after: TenantSpec): Change[] {
  return diffParts(before === undefined ? [] : directoryParts(before), directoryParts(after));
}

/** The same changes as rows to put and to remove. */
export function directoryChanges(before: TenantSpec, after: TenantSpec): DirectoryChanges {
  return {
    scopes: putAndRemove(before.scopes, after.scopes, ({ name }) => name),
    roles: putAndRemove(before.roles, after.roles, ({ name }) => name),
    groups: putAndRemove(before.groups, after.groups, ({ name }) => name),
    users: putAndRemove(before.users, after.users, ({ id }) => id),
  };
}

function putAndRemove<T extends object>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (item: T) => string,
): { put: readonly T[]; remove: readonly string[] } {
  const old = new Map(before.map((item) => [keyOf(item), canonicalJson(item)]));
  const kept = new Set(after.map(keyOf));
  return {
    put: after.filter((item) => old.get(keyOf(item)) !== canonicalJson(item)),
    remove: before.map(keyOf).filter((key) => !kept.has(key)),
  };
}

/** The changes in the control plane. */
export function diffControlPlane(before: TenantSpec | undefined, after: TenantSpec): Change[] {
  return diffParts(before === undefined ? [] : controlParts(before), controlParts(after));
}

function directoryParts(tenant: TenantSpec): Part[] {
  const part = (kind: ChangeKind, name: string, value: object): Part => ({
    kind,
    id: `${tenant.id}/${name}`,
    content: canonicalJson(value),
  });
  return [
    ...tenant.scopes.map((scope) => part('scope', scope.name, scope)),
    ...tenant.roles.map((role) => part('role', role.name, role)),
    ...tenant.groups.map((group) => part('group', group.name, group)),
    ...tenant.users.map((user) => part('user', user.id, user)),
  ];
}

function controlParts(tenant: TenantSpec): Part[] {
  const part = (kind: ChangeKind, path: readonly string[], value: object): Part => ({
    kind,
    id: [tenant.id, ...path].join('/'),
    content: canonicalJson(value),
  });
  const { name, status, database, directory, tokens } = tenant;
  return [
    part('tenant', [], { name, status, database, directory, tokens }),
    ...tenant.projects.flatMap((project) => [
      part('project', [project.id], { name: project.name, status: project.status }),
      ...project.clients.map((client) => part('client', [project.id, client.id], client)),
    ]),
    ...tenant.issuers.map((issuer) => part('issuer', [issuer.id], issuer)),
    ...tenant.admins.map((admin) => part('admin', [admin.id], admin)),
  ];
}

/** Creations and updates in the order of `after`, then removals in the reverse order of `before`. */
function diffParts(before: readonly Part[], after: readonly Part[]): Change[] {
  const key = ({ kind, id }: Part): string => `${kind} ${id}`;
  const old = new Map(before.map((part) => [key(part), part.content]));
  const kept = new Set(after.map(key));
  const changes: Change[] = [];
  for (const part of after) {
    const content = old.get(key(part));
    if (content === part.content) continue;
    changes.push({ action: content === undefined ? 'create' : 'update', kind: part.kind, id: part.id });
  }
  for (const part of [...before].reverse()) {
    if (!kept.has(key(part))) changes.push({ action: 'remove', kind: part.kind, id: part.id });
  }
  return changes;
}

/** Serializes independently of the order of members. */
function canonicalJson(value: object): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => byCodeUnit(a, b)))
      : inner,
  );
}
