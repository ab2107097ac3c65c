import type { FieldChange } from '../../provisioning/plan/field-changes.ts';
import type { Change } from '../../provisioning/plan/tenant-diff.ts';

const SIGNS = { create: '+', update: '~', remove: '-' } as const;

/** Items of a list that a line shows. JSON has all of them. */
const MAX_ITEMS = 10;

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
    : `${line}   ${fields.map(describeField).join(' · ')}${revokes}`;
}

function describeField({ field, from, to }: FieldChange): string {
  return from === undefined && to === undefined ? `${field} (not shown)` : `${field}: ${shown(from)} → ${shown(to)}`;
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
