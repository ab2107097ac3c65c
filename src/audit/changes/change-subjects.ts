import { isHidden } from '../../domain/text/shown-change.ts';

/** What was done to one thing. No value in it is a secret, a token or an address. */
export interface RecordedChange {
  readonly action: 'create' | 'update' | 'remove';
  readonly kind: string;
  readonly id: string;
  readonly fields?: readonly { readonly field: string; readonly from?: unknown; readonly to?: unknown }[];
}

/** The one person, client, token or key that a record is about: the columns that its reader can filter by. */
export interface ChangeSubject {
  readonly projectId?: string;
  readonly clientId?: string;
  readonly subjectId?: string;
  readonly tokenId?: string;
  readonly keyId?: string;
}

/** Changes that share one record. */
export interface ChangeGroup {
  readonly about: ChangeSubject;
  readonly changes: readonly RecordedChange[];
}

/** People and clients of one apply that get records of their own. The others are in records of the tenant. */
const MAX_SUBJECTS = 1000;
const MAX_CHANGES_PER_RECORD = 1000;
/** A record is one statement, which a server limits. Characters. */
const MAX_RECORD = 256 * 1024;

const TENANT: ChangeSubject = Object.freeze({});

/** What all changes are about, if that is one thing. */
export function sharedSubject(tenantId: string | undefined, changes: readonly RecordedChange[]): ChangeSubject {
  const keys = new Set(changes.map((change) => JSON.stringify(subjectOf(tenantId, change))));
  const [first] = changes;
  return first !== undefined && keys.size === 1 ? subjectOf(tenantId, first) : TENANT;
}

/** One group for each person and client, so that each is found, after what is about the tenant. */
export function groupBySubject(tenantId: string | undefined, changes: readonly RecordedChange[]): ChangeGroup[] {
  const groups = new Map<string, { readonly about: ChangeSubject; readonly changes: RecordedChange[] }>();
  const tenant: RecordedChange[] = [];
  for (const change of changes) {
    const about = subjectOf(tenantId, change);
    const key = JSON.stringify(about);
    const group = groups.get(key);
    if (about === TENANT || (group === undefined && groups.size === MAX_SUBJECTS)) tenant.push(change);
    else if (group === undefined) groups.set(key, { about, changes: [change] });
    else group.changes.push(change);
  }
  const all = [...(tenant.length > 0 ? [{ about: TENANT, changes: tenant }] : []), ...groups.values()];
  return all.flatMap(({ about, changes: own }) => inRecords(own).map((part) => ({ about, changes: part })));
}

/** Splits changes into parts that a record holds. */
export function inRecords(changes: readonly RecordedChange[]): (readonly RecordedChange[])[] {
  const records: RecordedChange[][] = [];
  let length = 0;
  for (const change of changes.map(fitting)) {
    const size = JSON.stringify(change).length;
    const last = records.at(-1);
    if (last === undefined || last.length === MAX_CHANGES_PER_RECORD || length + size > MAX_RECORD) {
      records.push([change]);
      length = size;
    } else {
      last.push(change);
      length += size;
    }
  }
  return records;
}

/** A change that fills a record by itself is named without values. */
function fitting(change: RecordedChange): RecordedChange {
  if (change.fields === undefined || JSON.stringify(change).length <= MAX_RECORD) return change;
  return { ...change, fields: change.fields.map(({ field }) => ({ field })) };
}

function subjectOf(tenantId: string | undefined, { kind, id }: RecordedChange): ChangeSubject {
  if (tenantId === undefined) return TENANT;
  if (kind === 'revocation') return revoked(id);
  const path = id.startsWith(`${tenantId}/`) ? id.slice(tenantId.length + 1) : undefined;
  if (path === undefined) return TENANT;
  if (kind === 'user' || kind === 'admin') return isHidden(path) ? TENANT : { subjectId: path };
  const [projectId, clientId] = path.split('/');
  const isClient = (kind === 'client' || kind === 'secret') && projectId !== undefined && clientId !== undefined;
  return isClient ? { projectId, clientId } : TENANT;
}

/** `subject u-ada`, or a client as `client shop/web`. */
function revoked(id: string): ChangeSubject {
  const end = id.indexOf(' ');
  const name = id.slice(end + 1);
  switch (id.slice(0, end)) {
    case 'subject':
      return isHidden(name) ? TENANT : { subjectId: name };
    case 'client': {
      const [projectId, clientId] = name.split('/');
      return projectId === undefined || clientId === undefined ? TENANT : { projectId, clientId };
    }
    case 'token':
      return { tokenId: name };
    case 'key':
      return { keyId: name };
    default:
      return TENANT;
  }
}
