import type { FieldChange } from '../../provisioning/plan/field-changes.ts';
import type { Change } from '../../provisioning/plan/tenant-diff.ts';

const SIGNS = { create: '+', update: '~', remove: '-' } as const;

/** Items of a list that a line shows. JSON has all of them. */
const MAX_ITEMS = 10;

/** What members mean that have no value, where "none" would mislead: without `azp` any party is accepted, and not none. */
const WITHOUT_VALUE: Partial<Record<Change['kind'], Readonly<Record<string, string>>>> = {
  client: { ttl: 'that of the tenant', receives: 'its own audience', exchange: 'no exchange' },
  issuer: { jwks_uri: 'discovery', audience_claim: 'aud', azp: 'any party', email_verified: 'the boolean only' },
};

/** `~ update tenant beta   status: suspended → active · ttl: 5m → 15m` */
export function describeChange({ action, kind, id, fields }: Change): string {
  const line = `${SIGNS[action]} ${action} ${kind} ${id}`;
  if (action === 'remove' && kind === 'tenant')
    return `${line}, the whole tenant (its keys and secrets stay in Vault until \`tessera purge\`)`;
  const isElsewhere = kind === 'tenant' && fields.some(({ field }) => field === 'database' || field === 'directory');
  const revokes = isElsewhere ? ' (revokes all of its tokens)' : '';
  // JSON and the audit have the members of what is created or removed too.
  return action !== 'update' || fields.length === 0
    ? line
    : `${line}   ${fields.map((field) => describeField(kind, field)).join(' · ')}${revokes}`;
}

function describeField(kind: Change['kind'], { field, from, to }: FieldChange): string {
  if (from === undefined && to === undefined) return `${field} (not shown)`;
  const unset = WITHOUT_VALUE[kind]?.[field] ?? 'none';
  return `${field}: ${from === null ? unset : shown(from)} → ${to === null ? unset : shown(to)}`;
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map(shown);
    const rest = value.length > MAX_ITEMS ? [`… ${value.length - MAX_ITEMS} more`] : [];
    return `[${[...items, ...rest].join(', ')}]`;
  }
  if (typeof value === 'object')
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${quoted(key)}: ${shown(inner)}`)
      .join(', ')} }`;
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value);
}

/** A name must not look like a part of the line: names of a tenant's database are untrusted text. */
function quoted(text: string): string {
  return /^[^\s"\\→·,[\]{}…]+(?: [^\s"\\→·,[\]{}…]+)*$/.test(text) ? text : JSON.stringify(text);
}
