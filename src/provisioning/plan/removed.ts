import { revocationOfAll } from '../../revocation/new-revocations.ts';
import type { NewRevocation } from '../../revocation/revocation-records.ts';
import type { TenantId } from '../../domain/ids.ts';
import { serviceId } from '../../domain/service-id.ts';
import { parseSubjectId } from '../../domain/subject-id.ts';
import type { TenantSpec } from '../file/tenants-file.ts';
import { canonicalJson } from './field-changes.ts';

/** Users, administrators, clients and services that the plan removes and that tokens may name. */
export interface Removed {
  readonly clients: readonly string[];
  /**
   * The ids of clients that stay, but may no longer have tokens of their own or exchange any. Such an id is the `sub` of the former, and an actor of
   * the latter. The tokens of a removed client are revoked as the client's, exchanged ones too.
   */
  readonly services: readonly string[];
  readonly administrators: readonly string[];
  /** They are in the tenant's database, so their removal cannot be in one transaction with the revocations. */
  readonly users: readonly string[];
  /** Another directory: an id may be another person's there, so all tokens of the tenant are revoked. */
  readonly everybody: boolean;
}

/** Above this number, all tokens of the tenant are revoked instead: each revocation is an entry that every server and verifier keeps for a day. */
const MAX_NAMED = 100;

/**
 * Finds the removed items whose tokens must be revoked. Otherwise the tokens would outlive the item: it could no longer be disabled, and they would
 * be valid again if it were added again.
 */
export function removedFrom(before: TenantSpec, after: TenantSpec): Removed {
  const staying = new Set(after.admins.map(idOf));
  return {
    clients: missing(before.projects.flatMap(clientNames), new Set(after.projects.flatMap(clientNames))).map(
      // Tokens contain the client's id without its project.
      (name) => name.slice(name.indexOf('/') + 1),
    ),
    services: restricted(before, after),
    administrators: missing(before.admins.map(idOf), staying),
    // The tenant itself may have written these rows. They must not revoke an administrator's tokens, and what no token names is not revoked.
    users: missing(before.users.map(idOf), new Set(after.users.map(idOf))).filter(
      (id) => !staying.has(id) && parseSubjectId(id) !== undefined,
    ),
    everybody: before.directory !== after.directory || canonicalJson(before.database) !== canonicalJson(after.database),
  };
}

/** @param before the last second of the tokens to revoke, epoch seconds */
export function revocationsOf(
  tenantId: TenantId,
  { clients, services, administrators, users, everybody }: Removed,
  before: number,
): readonly NewRevocation[] {
  const subjects = new Set([...services, ...administrators, ...users]);
  if (everybody || clients.length + subjects.size > MAX_NAMED)
    return [revocationOfAll(tenantId, 'tenant', '*', before)];
  return [
    ...[...new Set(clients)].map((id) => revocationOfAll(tenantId, 'client', id, before)),
    ...[...subjects].map((id) => revocationOfAll(tenantId, 'subject', id, before)),
  ];
}

export function isAnythingIn({ clients, services, administrators, users, everybody }: Removed): boolean {
  return everybody || clients.length + services.length + administrators.length + users.length > 0;
}

function clientNames({ id, clients }: TenantSpec['projects'][number]): string[] {
  return clients.map((client) => `${id}/${client.id}`);
}

function restricted(before: TenantSpec, after: TenantSpec): string[] {
  return after.projects.flatMap(({ id: projectId, clients }) => {
    const had = new Map(
      before.projects.find(({ id }) => id === projectId)?.clients.map((client) => [client.id, client]),
    );
    return clients
      .filter((client) => {
        const { service, exchange } = had.get(client.id) ?? client;
        return (
          (service !== undefined && client.service === undefined) ||
          // Then no token of a tenant without exchanges has descendants (`mayExchange`).
          (exchange.length > 0 && client.exchange.length === 0)
        );
      })
      .map((client) => serviceId({ projectId, clientId: client.id }));
  });
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

function missing(before: readonly string[], after: ReadonlySet<string>): string[] {
  return before.filter((name) => !after.has(name));
}
