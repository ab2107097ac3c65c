import { Document, isMap, isSeq, type Node, Scalar, visit } from 'yaml';
import { isVisible, replaceUnseen, unicodeEscape } from '../../domain/text/visible-text.ts';
import { isLinkableSub } from '../../directory/linked-identity.ts';
import type { PartialIdentity } from './partial-tenants-file.ts';
import { formatDuration } from './duration.ts';
import { clientNode, issuerNode } from './thing-nodes.ts';
import { API_VERSION } from './read-tenants-file.ts';
import { byCodeUnit, patternIn } from './readers/read-fields.ts';
import { untrustedIssuerName } from './untrusted-issuer.ts';
import type { ClientSpec, IdentitySpec, PersonSpec, TenantSpec } from './tenants-file.ts';

/**
 * Writes the tenants as a file in canonical form: two exports of one state are equal, and applying one changes nothing. Applied with --prune to a later
 * state, it restores this one: a list or a member without a value is written too, because one that is left out would keep what it has then.
 */
export function writeTenantsFile(tenants: readonly TenantSpec[]): string {
  return yamlText({ apiVersion: API_VERSION, tenants: byId(tenants).map(tenantNode) });
}

/**
 * Writes the member `identities` of a person who has one, to be pasted into a tenants file. It is one line, so that it fits into any form of the
 * person.
 *
 * @returns undefined for a `sub` that no tenants file may hold
 */
export function writeIdentity(identity: PartialIdentity): string | undefined {
  if (!isLinkableSub(identity.sub) || patternIn(identity.sub) !== undefined) return undefined;
  return yamlText({ identities: [identity] }).trimEnd();
}

function yamlText(content: object): string {
  const document = new Document(content, { aliasDuplicateObjects: false, version: '1.2' });
  writeLeavesOnOneLine(document);
  quoteTheAmbiguous(document);
  const text = document.toString({
    lineWidth: 0,
    singleQuote: true,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  });
  // They occur only in double quotes, where YAML 1.2 (section 5.7) has these escapes.
  return replaceUnseen(text, (character) =>
    character === '\n' ? character : unicodeEscape(character, (hex) => `\\U${hex.padStart(8, '0')}`),
  );
}

function tenantNode(tenant: TenantSpec): object {
  const issuerIds = new Map(tenant.issuers.map(({ id, issuer }) => [issuer, id as string]));
  return {
    id: tenant.id,
    name: tenant.name,
    status: tenant.status,
    database: tenant.database,
    ...(tenant.directory === 'managed' ? {} : { directory: tenant.directory }),
    tokens: { alg: tenant.tokens.algorithm, ttl: formatDuration(tenant.tokens.ttlSeconds) },
    issuers: byId(tenant.issuers).map((issuer) => withUnset(issuerNode(issuer), UNSET_OF_ISSUER)),
    projects: byId(tenant.projects).map(({ id, name, status, clients }) => ({
      id,
      name,
      status,
      clients: byId(clients).map(exportedClient),
    })),
    ...(tenant.directory === 'external' ? {} : directoryNode(tenant, issuerIds)),
    admins: byId(tenant.admins).map((admin) => ({
      ...personNode(admin),
      roles: admin.roles,
      scopes: admin.scopes,
      ...identitiesNode(admin.identities, issuerIds),
    })),
  };
}

/** The lists of a managed directory. A file must not say them of an external one. */
function directoryNode({ scopes, roles, groups, users }: TenantSpec, issuerIds: ReadonlyMap<string, string>): object {
  return {
    scopes: byName(scopes).map(({ name, resource }) => ({ name, resource: resource ?? null })),
    roles: byName(roles),
    groups: byName(groups),
    users: byId(users).map((user) => ({
      ...personNode(user),
      roles: user.roles,
      groups: user.groups,
      ...identitiesNode(user.identities, issuerIds),
    })),
  };
}

function personNode({ id, email, status }: PersonSpec): object {
  return { id, email, status };
}

/** An identity whose issuer is no longer trusted keeps its URL. `apply` then refuses the line, instead of dropping the link silently. */
function identitiesNode(identities: readonly IdentitySpec[], issuerIds: ReadonlyMap<string, string>): object {
  return {
    identities: identities.map(({ issuer, sub }) => ({
      issuer: issuerIds.get(issuer) ?? untrustedIssuerName(issuer),
      sub,
    })),
  };
}

/** Null as its policy is that of a client with keys or a workload, which has no word of its own. */
function exportedClient(client: ClientSpec): object {
  const node = withUnset(clientNode(client), UNSET_OF_CLIENT);
  return client.policy.kind === 'assertion' ? { ...node, policy: null } : node;
}

/** What a client's members say that have no value. */
const UNSET_OF_CLIENT = {
  ttl: null,
  audiences: [],
  receives: null,
  exchange: [],
  service: null,
  keys: [],
  jwks_uri: null,
  workload: null,
} as const;

/** What an issuer's members say that have no value. */
const UNSET_OF_ISSUER = {
  jwks_uri: null,
  key_use: null,
  audience_claim: null,
  azp: null,
  typ: [],
  email_verified: null,
} as const;

/** @param unset what the members say that have no value */
function withUnset(node: object, unset: Readonly<Record<string, null | readonly []>>): object {
  const left = Object.entries(unset).filter(([member]) => !(member in node));
  return { ...node, ...Object.fromEntries(left) };
}

function byId<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => byCodeUnit(a.id, b.id));
}

function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => byCodeUnit(a.name, b.name));
}

/**
 * Texts that YAML 1.1 reads as a boolean, null, a number in any of its forms, a time or a merge: `off`, `1_000`, `0x1f`, `1e3`, `12:30`, `2026-01-01`.
 * Other programs read exports, and many of them still read YAML 1.1.
 */
const OTHER_IN_YAML_1_1 =
  /^(?:[-+.]*[0-9][0-9a-f_xob.:,+\-tz ]*|[-+]?\.(?:inf|nan)|~|=|<<|y|n|yes|no|on|off|true|false|null)$/i;

/**
 * Quotes what YAML 1.1 reads as another type, and names with characters that a terminal acts on: a tenant's database may hold them, and an export is
 * shown on terminals.
 */
function quoteTheAmbiguous(document: Document): void {
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value !== 'string') return;
      if (!isVisible(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
      else if (OTHER_IN_YAML_1_1.test(scalar.value)) scalar.type = Scalar.QUOTE_SINGLE;
    },
  });
}

/** Formats the document as a person would: maps with sections on several lines, small ones on one line. */
function writeLeavesOnOneLine(document: Document): void {
  const blockKeys = ['tenants', 'issuers', 'projects', 'clients', 'scopes', 'roles', 'groups', 'users', 'admins'];
  const lineOfEach = new Set(['scopes', 'roles', 'groups', 'users', 'admins']);
  visit(document, {
    Pair(_, pair, path) {
      const key = String(pair.key);
      const value = pair.value as Node | null;
      const items = isSeq(value) ? value.items : [];
      const isSection = blockKeys.includes(key) && items.some((item) => isMap(item));
      if (isSeq(value) && isSection) {
        if (lineOfEach.has(key)) for (const item of items) if (isMap(item)) item.flow = true;
      } else if ((isMap(value) || isSeq(value)) && path.length > 1) value.flow = true;
    },
  });
}
