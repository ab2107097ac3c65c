import { parseStrictJson, StrictJsonError } from '../json/strict-json.ts';
import { TokenError } from './token-error.ts';

/** RFC 9068, section 2.1. These three members and no other. */
export interface TokenHeader {
  /** `at+jwt` or `application/at+jwt`, in any case. */
  readonly typ: string;
  /** What the token says; the key's own `alg` decides. */
  readonly alg: string;
  readonly kid: string;
}

/** Three canonical parts, whatever the header says. Nothing in it is proven. */
export interface CompactForm {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is over: `<header>.<payload>` as sent. */
  readonly signingInput: string;
  readonly signature: Buffer;
}

/** A token of the right form. Nothing in it is proven. */
export interface ParsedToken extends Omit<CompactForm, 'header'> {
  readonly header: TokenHeader;
}

export interface CompactTokenLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

// Tessera issues at most 6 KiB by default; header lines of more than 8 KiB do not get through most proxies.
const LIMITS: CompactTokenLimits = { maxBytes: 8_192, maxDepth: 8 };

// `fatal`: two byte sequences must not become one text. `ignoreBOM` keeps a BOM in the text, where JSON then refuses it.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The strict form, before any cryptography: three parts, each canonical base64url; JSON without duplicate names; a header of exactly `typ`,
 * `alg` and `kid`. Exactly one text is the token: nothing that was changed in a single character comes through here *and* verifies.
 *
 * @throws TokenError `TOKEN_MALFORMED`
 */
export function parseCompactToken(token: string, limits: CompactTokenLimits = LIMITS): ParsedToken {
  const parts = splitParts(token, limits);
  return { header: readHeader(parts.header, limits), ...readRest(parts, limits) };
}

/**
 * The part of the strict form that holds for everybody's tokens. The header is not judged: it may say anything, and the caller must.
 *
 * @throws TokenError `TOKEN_MALFORMED`
 */
export function parseCompactForm(token: string, limits: CompactTokenLimits): CompactForm {
  const parts = splitParts(token, limits);
  return { header: parseObject(decodePart(parts.header), limits), ...readRest(parts, limits) };
}

interface CompactParts {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  readonly signingInput: string;
}

function splitParts(token: string, limits: CompactTokenLimits): CompactParts {
  // Callers without types reach this too, with whatever came in a header.
  if (typeof (token as unknown) !== 'string') throw malformed('not a string');
  // Characters beyond ASCII are refused below, so units are bytes.
  if (token.length > limits.maxBytes) throw malformed('too long');
  const headerEnd = token.indexOf('.');
  const payloadEnd = token.indexOf('.', headerEnd + 1);
  if (headerEnd < 0 || payloadEnd < 0 || token.includes('.', payloadEnd + 1)) throw malformed('not three parts');

  return {
    header: token.slice(0, headerEnd),
    payload: token.slice(headerEnd + 1, payloadEnd),
    signature: token.slice(payloadEnd + 1),
    signingInput: token.slice(0, payloadEnd),
  };
}

function readRest(parts: CompactParts, limits: CompactTokenLimits): Omit<ParsedToken, 'header'> {
  return {
    claims: parseObject(decodePart(parts.payload), limits),
    signingInput: parts.signingInput,
    signature: decodePart(parts.signature),
  };
}

// All tokens of one key have the same header. What it says follows from its text alone, so it is read once; whoever sends others in plenty only has
// them read again.
const readHeaders = new Map<string, TokenHeader>();
const HEADERS_KEPT = 100;
const LONGEST_HEADER_KEPT = 256;

function readHeader(part: string, limits: CompactTokenLimits): TokenHeader {
  const known = readHeaders.get(part);
  if (known !== undefined) return known;
  const header = checkHeader(parseObject(decodePart(part), limits));
  if (part.length <= LONGEST_HEADER_KEPT) {
    if (readHeaders.size >= HEADERS_KEPT) readHeaders.clear();
    // A copy: a slice would keep the token whose part it is.
    readHeaders.set(Buffer.from(part, 'latin1').toString('latin1'), header);
  }
  return header;
}

/**
 * Header and claims of a token of the strict form, for logs and tools. **Nothing is proven**: anybody can write such a token.
 *
 * @throws TokenError `TOKEN_MALFORMED`
 */
export function decodeUnverified(token: string): Pick<ParsedToken, 'header' | 'claims'> {
  const { header, claims } = parseCompactToken(token);
  return { header, claims };
}

/** The decoder skips what it does not know and ignores spare bits (RFC 4648, section 3.5); encoding again shows whether it did. */
function decodePart(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw malformed('a part is not canonical base64url');
  return bytes;
}

function parseObject(bytes: Buffer, limits: CompactTokenLimits): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseStrictJson(UTF8.decode(bytes), limits);
  } catch (error) {
    throw malformed(error instanceof StrictJsonError ? error.reason : 'not UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('a part is not a JSON object');
  return value as Record<string, unknown>;
}

function checkHeader(header: Readonly<Record<string, unknown>>): TokenHeader {
  const { typ, alg, kid } = header;
  // Three present, three in all: `crit`, `jwk`, `jku`, `b64` and whatever is invented next are refused by the count.
  if (Object.keys(header).length !== 3) throw malformed('header members other than typ, alg and kid');
  if (!isText(typ) || !isText(alg) || !isText(kid)) throw malformed('typ, alg or kid is not a text');
  // RFC 9068, section 4: both spellings; media types have no case (RFC 2045, section 5.1).
  if (!/^(?:application\/)?at\+jwt$/i.test(typ)) throw malformed('typ is not at+jwt');
  return Object.freeze({ typ, alg, kid });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function malformed(reason: string): TokenError {
  return new TokenError('TOKEN_MALFORMED', reason);
}
