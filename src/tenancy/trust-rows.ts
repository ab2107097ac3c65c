import { listOf, membersOf, readJsonColumn, type Shape, texts, word } from '../control-plane/json-column.ts';
import type { TrustEntity } from '../control-plane/entities/trust.entity.ts';
import type { RowOf } from '../database/schema.ts';
import { parseClientId, type TenantId, type TrustId } from '../domain/ids.ts';
import { PERSON_SURFACES } from '../domain/surface.ts';
import type { Condition, ConditionValue, FixedSubject, KeyUse, LinkedSubject, Trust } from './tenant.ts';

type StoredConditions = 'none' | (readonly [string, Condition])[];
type StoredSubject = (
  | { match: 'linked' }
  | { match: 'email'; domains: string[] }
  /** Forms that earlier versions do not know. To those it is an issuer for no address. */
  | { match: 'email'; domains: []; instead: Required<LinkedSubject> | FixedSubject }
) & {
  types?: readonly string[];
  keyUse?: KeyUse;
  emailVerified?: 'text_allowed';
  narrowed?: StoredNarrowing;
};

/** What an older server would ignore, and so accept more tokens. Beside it the column `conditions` is empty, by which that server accepts none. */
interface StoredNarrowing {
  readonly audienceClaim?: 'client_id' | undefined;
  readonly azp?: readonly string[] | undefined;
  readonly conditions: StoredConditions;
}

/** @throws TesseraError temporarily_unavailable for a malformed row */
export function trustFromRow(row: RowOf<TrustEntity>): Trust {
  const { subject, types, keyUse, emailVerified, narrowed } = readJsonColumn(
    'trusts.subject',
    row.subject,
    trustSubject,
  );
  const simple = readJsonColumn('trusts.conditions', row.conditions, trustConditions);
  return Object.freeze({
    id: row.id as TrustId,
    issuer: row.issuer,
    jwksUri: row.jwksUri ?? undefined,
    audiences: readJsonColumn('trusts.audiences', row.audiences, texts),
    audienceClaim: narrowed?.audienceClaim,
    azp: narrowed?.azp,
    algorithms: readJsonColumn('trusts.algorithms', row.algorithms, texts),
    keyUse,
    types,
    conditions: narrowed?.conditions ?? simple,
    emailVerified,
    subject,
    clients: readJsonColumn('trusts.clients', row.clients, listOf(parseClientId)),
    surfaces: readJsonColumn('trusts.surfaces', row.surfaces, surfaces),
    maxAgeSeconds: row.maxAgeSeconds,
    maxLifetimeSeconds: row.maxLifetimeSeconds,
  });
}

const surfaces = listOf(word(...PERSON_SURFACES));
const conditionValue: Shape<ConditionValue> = (value) =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
const conditionValues = listOf(conditionValue);

const textOrMap: Shape<Condition> = (value) => {
  const { contains, hasKey } = membersOf(value) ?? {};
  if ((contains === undefined) === (hasKey === undefined)) return undefined;
  // An empty word would be found in an empty text.
  if (typeof contains === 'string' && contains !== '') return Object.freeze({ contains });
  return typeof hasKey === 'string' && hasKey !== '' ? Object.freeze({ hasKey }) : undefined;
};

const conditionsOf = (shape: Shape<Condition>): Shape<Trust['conditions']> => {
  const entries = listOf((value): readonly [string, Condition] | undefined => {
    if (!Array.isArray(value) || value.length !== 2) return undefined;
    const [claim, allowed] = value as readonly unknown[];
    const wanted = shape(allowed);
    return typeof claim === 'string' && wanted !== undefined ? [claim, wanted] : undefined;
  });
  return (value) => {
    if (value === 'none') return value;
    const conditions = entries(value);
    return conditions && new Map(conditions);
  };
};

const trustConditions = conditionsOf(conditionValues);
/** Conditions of every form, as they are stored. */
export const conditionMap = conditionsOf((value) => conditionValues(value) ?? textOrMap(value));

interface Narrowing {
  readonly audienceClaim: Trust['audienceClaim'];
  readonly azp: Trust['azp'];
  readonly conditions: Trust['conditions'];
}

/** Every member that is there must be understood: without it the trust would accept more. */
const narrowing: Shape<Narrowing> = (value) => {
  const { audienceClaim, azp, conditions, ...unknown } = membersOf(value) ?? {};
  const [parties, wanted] = [azp === undefined ? undefined : texts(azp), conditionMap(conditions)];
  if (wanted === undefined || (azp !== undefined && parties === undefined) || Object.keys(unknown).length > 0)
    return undefined;
  if (audienceClaim !== undefined && audienceClaim !== 'client_id') return undefined;
  return { audienceClaim, azp: parties, conditions: wanted };
};

type StoredTogether = Pick<Trust, 'subject' | 'types' | 'keyUse' | 'emailVerified'> & {
  readonly narrowed: Narrowing | undefined;
};

const trustSubject: Shape<StoredTogether> = (value) => {
  const {
    match,
    domains: ofEmail,
    types: further = [],
    emailVerified: verified,
    narrowed: stored,
    instead,
    keyUse,
  } = membersOf(value) ?? {};
  const types = texts(further);
  const narrowed = stored === undefined ? undefined : narrowing(stored);
  if (types === undefined || (stored !== undefined && narrowed === undefined)) return undefined;
  const emailVerified = verified === undefined ? undefined : word('text_allowed')(verified);
  if (emailVerified === undefined && verified !== undefined) return undefined;
  if (keyUse !== undefined && keyUse !== 'jwt-svid') return undefined;
  const beside = { types, keyUse, emailVerified, narrowed } as const;
  if (instead !== undefined) {
    const subject = newerSubject(instead);
    return subject && { subject, ...beside };
  }
  if (match === 'linked') return { subject: Object.freeze({ match }), ...beside };
  const domains = texts(ofEmail);
  if (match !== 'email' || domains === undefined) return undefined;
  return { subject: Object.freeze({ match, domains: new Set(domains) }), ...beside };
};

const newerSubject: Shape<Required<LinkedSubject> | FixedSubject> = (value) => {
  const { match, claim, id } = membersOf(value) ?? {};
  if (match === 'linked' && typeof claim === 'string') return Object.freeze({ match, claim });
  return match === 'user' && typeof id === 'string' ? Object.freeze({ match, id }) : undefined;
};

function storedSubject(subject: Trust['subject']): StoredSubject {
  if (subject.match === 'email') return { match: 'email', domains: [...subject.domains] };
  if (subject.match === 'user') return { match: 'email', domains: [], instead: subject };
  const { match, claim } = subject;
  return claim === undefined ? { match } : { match: 'email', domains: [], instead: { match, claim } };
}

export function rowFromTrust(tenantId: TenantId, trust: Trust): RowOf<TrustEntity> {
  const { audienceClaim, azp } = trust;
  const conditions: StoredConditions = trust.conditions === 'none' ? 'none' : [...trust.conditions];
  const isSimple = conditions === 'none' || conditions.every(([, condition]) => Array.isArray(condition));
  const isNarrowed = audienceClaim !== undefined || azp !== undefined || !isSimple;
  const subject: StoredSubject = {
    ...storedSubject(trust.subject),
    ...(trust.types.length > 0 && { types: trust.types }),
    ...(trust.emailVerified !== undefined && { emailVerified: trust.emailVerified }),
    ...(isNarrowed && { narrowed: { audienceClaim, azp, conditions } }),
    ...(trust.keyUse !== undefined && { keyUse: trust.keyUse }),
  };
  return {
    tenantId,
    id: trust.id,
    issuer: trust.issuer,
    jwksUri: trust.jwksUri ?? null,
    audiences: JSON.stringify(trust.audiences),
    algorithms: JSON.stringify(trust.algorithms),
    conditions: JSON.stringify(isNarrowed ? [] : conditions),
    subject: JSON.stringify(subject),
    clients: JSON.stringify(trust.clients),
    surfaces: JSON.stringify(trust.surfaces),
    maxAgeSeconds: trust.maxAgeSeconds,
    maxLifetimeSeconds: trust.maxLifetimeSeconds,
  };
}
