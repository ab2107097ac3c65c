import { CLOCK_SKEW_SECONDS } from '../../domain/clock.ts';
import { parseEmail } from '../../domain/email.ts';
import { visibleJson } from '../../domain/text/visible-text.ts';
import { topLevelClaim } from '../../identity-providers/claims/guarding-conditions.ts';
import { claimAt } from '../../identity-providers/claims/json-pointer.ts';
import { type ExaminedForm, SUBJECT_TOKEN_LIMITS } from '../../identity-providers/subject-token.ts';
import type { Trust } from '../../tenancy/tenant.ts';
import { instant } from '../terminal.ts';

/** One property of a token beside what a trusted issuer wants. Escaped and bounded: it is written by whoever wrote the token. */
export interface ComparedRow {
  readonly name: string;
  readonly has: string;
  readonly wants: string;
}

export interface ComparedWith {
  /** Undefined: the tenant trusts several issuers, and none of them is that of the token. */
  readonly trust: Trust | undefined;
  /** Those of the tenant. */
  readonly issuers: readonly string[];
  /** Of the keys that this command has fetched; undefined: it has fetched none. */
  readonly kids: readonly (string | undefined)[] | undefined;
  /** Epoch seconds. */
  readonly now: number;
}

type Claims = Readonly<Record<string, unknown>>;

/** Sets the token beside the trusted issuer. It decides nothing: the steps of the exchange do. */
export function compareToken({ bytes, fault, form }: ExaminedForm, comparedWith: ComparedWith): readonly ComparedRow[] {
  const { maxBytes, maxDepth } = SUBJECT_TOKEN_LIMITS;
  const size = { name: 'size', has: `${bytes} bytes`, wants: `at most ${maxBytes} bytes` };
  const depth = (has: string) => ({ name: 'depth', has, wants: `at most ${maxDepth}` });
  if (form === undefined) return fault === TOO_DEEP ? [size, depth('far more')] : [size];
  const { header, claims } = form;
  return [
    issuerRow(claims, comparedWith),
    ...audienceRows(claims, comparedWith.trust),
    ...subjectRows(claims, comparedWith.trust),
    ...headerRows(header, comparedWith),
    size,
    depth(String(Math.max(depthOf(header), depthOf(claims)))),
    ...timeRows(claims, comparedWith),
  ];
}

/** The parser's phrase. */
const TOO_DEEP = 'nested too deeply';

function issuerRow(claims: Claims, { trust, issuers }: ComparedWith): ComparedRow {
  return { name: 'iss', has: shown(claims['iss']), wants: oneOf(trust === undefined ? issuers : [trust.issuer]) };
}

function audienceRows(claims: Claims, trust: Trust | undefined): ComparedRow[] {
  const { aud, azp, client_id: clientId } = claims;
  const audiences = trust === undefined ? UNKNOWN : oneOf(trust.audiences);
  const isSeveral = Array.isArray(aud) && aud.length > 1;
  const anyParty = isSeveral ? `anything; with a foreign audience ${audiences}` : 'anything';
  const party = trust?.azp === undefined ? anyParty : oneOf(trust.azp);
  return [
    ...(trust?.audienceClaim === undefined
      ? [{ name: 'aud', has: shown(aud), wants: isSeveral ? `each is ${audiences}, or one is and azp is` : audiences }]
      : [
          { name: 'aud', has: shown(aud), wants: 'none' },
          { name: 'client_id', has: shown(clientId), wants: audiences },
        ]),
    { name: 'azp', has: shown(azp), wants: trust === undefined ? UNKNOWN : party },
  ];
}

function subjectRows(claims: Claims, trust: Trust | undefined): ComparedRow[] {
  const sub = (wants: string) => ({ name: 'sub', has: shownSubject(claims['sub']), wants });
  if (trust === undefined) return [sub(UNKNOWN)];
  const { subject } = trust;
  const verified = {
    name: 'email_verified',
    has: shown(claims['email_verified']),
    wants: trust.emailVerified === undefined ? 'true' : 'true, or the text "true"',
  };
  if (subject.match === 'user') return [sub(`any text: the token is about ${subject.id}`)];
  if (subject.match === 'linked') {
    const { claim } = subject;
    if (claim === undefined) return [sub(LINKED)];
    return [
      sub(`any text: ${claim} names the subject`),
      { name: claim, has: shownSubject(claimAt(claims, claim)), wants: LINKED },
      ...(topLevelClaim(claim) === 'email' ? [verified] : []),
    ];
  }
  const domain = parseEmail(claims['email'])?.domain;
  return [
    sub('any text: email names the subject'),
    {
      name: 'email',
      has: domain === undefined ? shownSubject(claims['email']) : `an address at ${quoted(domain)}`,
      wants: `an address at ${oneOf([...subject.domains])}`,
    },
    verified,
  ];
}

function headerRows(header: Claims, { trust, kids }: ComparedWith): ComparedRow[] {
  const named = kids?.filter((kid) => kid !== undefined);
  // One algorithm with two names (RFC 9864).
  const algorithms = trust?.algorithms.flatMap((name) => (name === 'EdDSA' ? [name, 'Ed25519'] : [name]));
  return [
    {
      name: 'kid',
      has: shown(header['kid']),
      wants: named === undefined || named.length === 0 ? 'a key of the issuer' : oneOf(named),
    },
    { name: 'alg', has: shown(header['alg']), wants: algorithms === undefined ? UNKNOWN : oneOf(algorithms) },
    { name: 'typ', has: shown(header['typ']), wants: `none, or ${oneOf(['JWT', 'at+jwt', ...(trust?.types ?? [])])}` },
  ];
}

function timeRows({ iat, exp, nbf }: Claims, { trust, now }: ComparedWith): ComparedRow[] {
  return [
    {
      name: 'iat',
      has: shownTime(iat, now),
      wants:
        trust === undefined ? UNKNOWN : `at most ${trust.maxAgeSeconds} s ago, and ${CLOCK_SKEW_SECONDS} s for clocks`,
    },
    { name: 'exp', has: shownTime(exp, now), wants: 'in the future' },
    { name: 'nbf', has: shownTime(nbf, now), wants: `none, or at most ${CLOCK_SKEW_SECONDS} s ahead` },
    {
      name: 'lifetime',
      has: typeof iat === 'number' && typeof exp === 'number' ? `${exp - iat} s` : 'unknown',
      wants: trust === undefined ? UNKNOWN : `at most ${trust.maxLifetimeSeconds} s`,
    },
  ];
}

const UNKNOWN = 'unknown: no trusted issuer is that of the token';
const LINKED = 'a text of 1 to 255 characters that is under "identities"';

// As long as an issuer of the tenants file may be, so that two issuers can be compared to their end.
const SHOWN_CHARACTERS = 512;
// What fits on a line. A token may hold hundreds of audiences.
const SHOWN_ITEMS = 5;

/** A value of the token: texts in quotes. */
function shown(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (!Array.isArray(value)) return 'a map';
  return value.length === 0
    ? 'an empty list'
    : several<unknown>(value, (item) => (typeof item === 'object' ? 'no text' : shown(item)));
}

/**
 * No e-mail address is printed where it is only compared: terminals are logged. Two "@" are no address; GitHub's `repo:acme@583231/orders@1296269` has
 * them.
 */
function shownSubject(value: unknown): string {
  return typeof value === 'string' && value.split('@').length === 2 ? 'a text with an "@", not shown' : shown(value);
}

function oneOf(texts: readonly string[]): string {
  return texts.length === 1 ? quoted(texts[0] ?? '') : `one of ${several(texts, quoted)}`;
}

/** The first items, and how many more there are. */
export function several<Item>(items: readonly Item[], show: (item: Item) => string): string {
  const more = items.length - SHOWN_ITEMS;
  return `${items.slice(0, SHOWN_ITEMS).map(show).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Bounded, and escaped as in JSON. */
export function quoted(text: string): string {
  return visibleJson(boundedText(text), 0);
}

export function boundedText(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

// The last second that a Date can hold (ECMA-262, section 21.4.1.1).
const LAST_SECOND = 8_640_000_000_000;

function shownTime(value: unknown, now: number): string {
  if (typeof value !== 'number' || Math.abs(value) > LAST_SECOND) return shown(value);
  const seconds = Math.floor(value);
  const distance = seconds > now ? `in ${seconds - now} s` : `${now - seconds} s ago`;
  return `${instant(seconds)} (${distance})`;
}

/** How deep objects and lists nest; the parser has bounded it. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Object.values(value).reduce((deepest: number, member) => Math.max(deepest, depthOf(member)), 0);
}
