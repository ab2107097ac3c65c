import type { SigningAlgorithm, Surface } from './claims.ts';
import type { IssuerKeySetsSettings } from '../keys/issuer-key-sets.ts';
import { locateFeeds, type FeedLocation } from '../revocations/feed-locations.ts';
import { parseKeySet } from '../keys/key-set.ts';
import {
  baseOf,
  issuersBelow,
  issuersByName,
  type KeyLocation,
  TENANT_ID,
  tenantLocation,
  type TrustedIssuers,
} from './trusted-issuers.ts';
import { fetchableUrl, namedUrl, wrongOption as wrong } from './option-rules.ts';
import type { ListedIssuer, RevocationOptions, VerifierOptions } from './verifier-options.ts';

/** The checked options with all defaults. */
export interface VerifierSettings {
  readonly trusted: TrustedIssuers;
  readonly audiences: readonly string[];
  readonly surfaces: readonly Surface[];
  readonly algorithms: readonly SigningAlgorithm[];
  readonly clockSkewSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly keys: IssuerKeySetsSettings;
  readonly revocations: RevocationSettings;
  readonly nowSeconds: () => number;
}

export type RevocationSettings =
  | { readonly kind: 'off' }
  | { readonly kind: 'source'; readonly source: NonNullable<RevocationOptions['source']> }
  | FeedSettings;

export interface FeedSettings {
  readonly kind: 'feeds';
  /** One for each Tessera. */
  readonly locations: readonly FeedLocation[];
  readonly maxStaleSeconds: number;
  readonly whenStale: 'accept' | 'refuse';
}

/** Callers in plain JavaScript may pass anything. */
type Untrusted = Readonly<Partial<Record<string, unknown>>>;

/**
 * @returns the settings of the options themselves, then those of each entry of `alsoTrust`
 * @throws TypeError that ends with the fix
 */
export function parseAllVerifierOptions(options: VerifierOptions): readonly VerifierSettings[] {
  const first = parseVerifierOptions(options);
  const entries: unknown = options.alsoTrust ?? [];
  if (!Array.isArray(entries)) throw wrong('alsoTrust', 'is not a list', 'pass [{ issuer, audience }] or leave it out');
  const others = entries.map((entry: unknown) => {
    const fields = object('an entry of alsoTrust', entry, 'pass { issuer, audience }');
    if (fields.alsoTrust !== undefined)
      throw wrong('alsoTrust', 'has an entry with its own alsoTrust', 'write all entries in one list');
    return parseVerifierOptions(fields as unknown as VerifierOptions);
  });
  return [first, ...others];
}

/** @throws TypeError that ends with the fix */
export function parseVerifierOptions(options: VerifierOptions): VerifierSettings {
  const given = object('the options', options, 'pass { baseUrl, tenants, audience }');
  const keys = object('keys', given.keys ?? {}, 'pass an object or leave it out');
  const isHttpAllowed = oneOf('dangerouslyAllowPlainHttp', given.dangerouslyAllowPlainHttp ?? false, [true, false]);
  const trust = parseTrust(given, isHttpAllowed);
  const maxAgeSeconds = number('keys.maxAgeSeconds', keys.maxAgeSeconds, 300, 1);
  return {
    trusted: trust.issuers,
    audiences: audiences(given.audience),
    surfaces: listOf('surfaces', given.surfaces, ['admin', 'user', 'service'], ['user']),
    algorithms: listOf('algorithms', given.algorithms, ['ES256', 'RS256', 'EdDSA'], ['ES256', 'RS256', 'EdDSA']),
    clockSkewSeconds: number('clockSkewSeconds', given.clockSkewSeconds, 30, 0, 60),
    maxLifetimeSeconds: number('maxLifetimeSeconds', given.maxLifetimeSeconds, 86_400, 1),
    keys: {
      maxAgeMs: maxAgeSeconds * 1_000,
      staleMs: Math.max(maxAgeSeconds, number('keys.staleSeconds', keys.staleSeconds, 86_400, 0)) * 1_000,
      cooldownMs: number('keys.cooldownSeconds', keys.cooldownSeconds, 30, 0.001) * 1_000,
      timeoutMs: number('keys.timeoutMilliseconds', keys.timeoutMilliseconds, 2_000, 1, 60_000),
      maxIssuers: number('keys.maxIssuers', keys.maxIssuers, 1_000, 1),
    },
    revocations: parseRevocations(given.revocations, trust, isHttpAllowed),
    nowSeconds: clock(given.nowSeconds),
  };
}

interface ParsedTrust {
  readonly issuers: TrustedIssuers;
  /** Where the feed is fetched from for all issuers. Undefined: each issuer's own base URL. */
  readonly feedBaseUrl: string | undefined;
}

function parseTrust(given: Untrusted, isHttpAllowed: boolean): ParsedTrust {
  const forms = ['baseUrl', 'issuer', 'issuers'].filter((form) => given[form] !== undefined);
  if (forms.length !== 1)
    throw wrong(
      'the trusted issuers',
      'must be given in exactly one form',
      'pass one of baseUrl (with tenants), issuer or issuers',
    );
  const fetchBaseUrl =
    given.fetchBaseUrl === undefined ? undefined : fetchableUrl('fetchBaseUrl', given.fetchBaseUrl, isHttpAllowed);

  if (given.baseUrl !== undefined) {
    const baseUrl =
      fetchBaseUrl === undefined
        ? fetchableUrl('baseUrl', given.baseUrl, isHttpAllowed)
        : namedUrl('baseUrl', given.baseUrl);
    const from = fetchBaseUrl ?? baseUrl;
    const issuers =
      given.tenants === 'all'
        ? issuersBelow(baseUrl, from)
        : issuersByName(tenantIds(given.tenants).map((tenantId) => tenantLocation(baseUrl, from, tenantId)));
    return { issuers, feedBaseUrl: from };
  }
  if (given.tenants !== undefined)
    throw wrong('tenants', 'belongs to baseUrl', 'pass baseUrl with it, or leave tenants out');
  const listed = given.issuer !== undefined ? [given.issuer] : given.issuers;
  if (!Array.isArray(listed) || listed.length === 0)
    throw wrong('issuers', 'has to name at least one', "pass ['https://tessera.example/tenants/acme']");
  const locations = listed.map((entry: unknown) => locate(entry, fetchBaseUrl, isHttpAllowed));
  if (new Set(locations.map(({ issuer }) => issuer)).size !== locations.length)
    throw wrong('issuers', 'names one issuer twice', 'name each once');
  return { issuers: issuersByName(locations), feedBaseUrl: fetchBaseUrl };
}

function locate(entry: unknown, fetchBaseUrl: string | undefined, isHttpAllowed: boolean): KeyLocation {
  const {
    issuer: name,
    jwksUri,
    jwks,
  } = (
    typeof entry === 'string' ? { issuer: entry } : object('an entry of issuers', entry, 'pass a URL or { issuer }')
  ) as Partial<ListedIssuer>;
  const issuer = namedUrl('issuer', name);
  if (jwks !== undefined) {
    if (jwksUri !== undefined) throw wrong('jwksUri', 'cannot be combined with jwks', 'pass only one of the two');
    const { keys, refusal } = parseKeySet(jwks);
    if (keys === undefined) throw wrong('jwks', `cannot be used: ${refusal}`, 'pass { keys } with public keys only');
    if (keys.size === 0)
      throw wrong('jwks', 'has no usable key', 'give each key its kid and alg (ES256, RS256 or EdDSA)');
    return { issuer, keys };
  }
  if (jwksUri !== undefined) return { issuer, jwksUrl: fetchableUrl('jwksUri', jwksUri, isHttpAllowed) };
  if (fetchBaseUrl === undefined)
    return { issuer, jwksUrl: `${fetchableUrl('issuer', issuer, isHttpAllowed)}/jwks.json` };
  const base = baseOf(issuer);
  if (base === undefined)
    throw wrong('fetchBaseUrl', 'needs issuers that end in /tenants/<id>', 'pass jwksUri for the others');
  return { issuer, jwksUrl: `${fetchBaseUrl}${issuer.slice(base.length)}/jwks.json` };
}

function tenantIds(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw wrong('tenants', "has to be 'all' or at least one id", "pass tenants: ['acme'] or tenants: 'all'");
  return [...new Set(value)].map((id: unknown) => {
    if (typeof id !== 'string' || !TENANT_ID.test(id))
      throw wrong('tenants', 'holds something that is not a tenant id', `use ids that match ${TENANT_ID.source}`);
    return id;
  });
}

function parseRevocations(value: unknown, trust: ParsedTrust, isHttpAllowed: boolean): RevocationSettings {
  if (value === 'off') return { kind: 'off' };
  const given = object('revocations', value ?? {}, "pass 'off' or an object");
  const { source } = given;
  if (source !== undefined) {
    if (
      typeof source !== 'object' ||
      source === null ||
      !('isRevoked' in source) ||
      typeof source.isRevoked !== 'function'
    )
      throw wrong('revocations.source', 'has no isRevoked', 'pass an object with isRevoked(token)');
    return { kind: 'source', source: source as NonNullable<RevocationOptions['source']> };
  }
  const locations = locateFeeds(trust.issuers.listed, trust.feedBaseUrl, value !== undefined, isHttpAllowed);
  if (locations.length === 0) return { kind: 'off' };
  return {
    kind: 'feeds',
    locations,
    maxStaleSeconds: number('revocations.maxStaleSeconds', given.maxStaleSeconds, 30, 1),
    whenStale: oneOf('revocations.whenStale', given.whenStale ?? 'accept', ['accept', 'refuse']),
  };
}

function audiences(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.filter((item) => typeof item === 'string' && item !== '') as string[];
  if (texts.length === 0 || texts.length !== list.length)
    throw wrong('audience', 'has to name at least one audience', "pass the audience of your API, e.g. 'shop-api'");
  return texts;
}

function listOf<Item extends string>(
  name: string,
  value: unknown,
  allowed: readonly Item[],
  byDefault: readonly Item[],
): readonly Item[] {
  if (value === undefined) return byDefault;
  if (!Array.isArray(value) || value.length === 0)
    throw wrong(name, 'must be a list that is not empty', `pass some of ${allowed.join(', ')}`);
  return value.map((item: unknown) => oneOf(name, item, allowed));
}

function oneOf<Item>(name: string, value: unknown, allowed: readonly Item[]): Item {
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw wrong(name, 'is not one of the choices', `use ${allowed.join(' or ')}`);
  return found;
}

function number(
  name: string,
  value: unknown,
  byDefault: number,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (value === undefined) return byDefault;
  // Infinity is out of range: it would silently remove a bound.
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw wrong(name, 'is out of range', `pass a number from ${least} to ${most}`);
  return value;
}

function clock(value: unknown): () => number {
  if (value === undefined) return () => Math.floor(Date.now() / 1_000);
  if (typeof value !== 'function') throw wrong('nowSeconds', 'is not a function', 'pass () => seconds since the epoch');
  return value as () => number;
}

function object(name: string, value: unknown, fix: string): Untrusted {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name, 'is not an object', fix);
  return value as Untrusted;
}
