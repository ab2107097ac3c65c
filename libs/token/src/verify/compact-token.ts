import { parseStrictJson, StrictJsonError } from '../json/strict-json.ts';
import { TokenError } from './token-error.ts';

/** RFC 9068, section 2.1. Exactly these three members. */
export interface TokenHeader {
  /** `at+jwt` or `application/at+jwt`, in any case. */
  readonly typ: string;
  /** As the token says. The key's own `alg` decides. */
  readonly alg: string;
  readonly kid: string;
}

/** Three canonical parts with any header. Nothing in it is verified. */
export interface CompactForm {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The signed text: `<header>.<payload>` as sent. */
  readonly signingInput: string;
  readonly signature: Buffer;
}

/** A token of the right form. Nothing in it is verified. */
export interface ParsedToken extends Omit<CompactForm, 'header'> {
  readonly header: TokenHeader;
}

export interface CompactTokenLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

// By default Tessera issues tokens of at most 6 KiB. Most proxies refuse header lines of more than 8 KiB.
const LIMITS: CompactTokenLimits = { maxBytes: 8_192, maxDepth: 8 };

// `fatal`: two byte sequences must not decode to the same text. `ignoreBOM` keeps a BOM in the text, where the JSON parser refuses it.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses the strict form, before any cryptography: three parts, each canonical base64url; JSON without duplicate names; a header of exactly `typ`,
 * `alg` and `kid`. A token has exactly one spelling: no text that differs in a single character both passes here *and* verifies.
 *
 * @throws TokenError `TOKEN_MALFORMED`
 */
export function parseCompactToken(token: string, limits: CompactTokenLimits = LIMITS): ParsedToken {
  const parts = splitParts(token, limits);
  return { header: readHeader(parts.header, limits), ...readRest(parts, limits) };
}

/**
 * Parses the part of the strict form that applies to tokens of any issuer. The header is not checked; the caller must do that.
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
  // Callers in plain JavaScript may pass anything.
  if (typeof (token as unknown) !== 'string') throw malformed('not a string');
  // The code below refuses characters beyond ASCII, so the length equals the number of bytes.
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

// All tokens of one key have the same header, so parsed headers are cached by their text. The cache is bounded: many different headers only cost
// parsing them again.
const readHeaders = new Map<string, TokenHeader>();
const HEADERS_KEPT = 100;
const LONGEST_HEADER_KEPT = 256;

function readHeader(part: string, limits: CompactTokenLimits): TokenHeader {
  const known = readHeaders.get(part);
  if (known !== undefined) return known;
  const header = checkHeader(parseObject(decodePart(part), limits));
  if (part.length <= LONGEST_HEADER_KEPT) {
    if (readHeaders.size >= HEADERS_KEPT) readHeaders.clear();
    // A copy, because a slice would keep the whole token in memory.
    readHeaders.set(Buffer.from(part, 'latin1').toString('latin1'), header);
  }
  return header;
}

/**
 * Header and claims of a token of the strict form, for logs and tools. **Nothing is verified**: anybody can write such a token.
 *
 * @throws TokenError `TOKEN_MALFORMED`
 */
export function decodeUnverified(token: string): Pick<ParsedToken, 'header' | 'claims'> {
  const { header, claims } = parseCompactToken(token);
  return { header, claims };
}

/** Node's decoder skips unknown characters and ignores spare bits (RFC 4648, section 3.5). Encoding the result again shows whether it did. */
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
  // All three are present and there are three in all, so `crit`, `jwk`, `jku`, `b64` and future members are refused.
  if (Object.keys(header).length !== 3) throw malformed('header members other than typ, alg and kid');
  if (!isText(typ) || !isText(alg) || !isText(kid)) throw malformed('typ, alg or kid is not a text');
  // RFC 9068, section 4 allows both spellings. Media types are case-insensitive (RFC 2045, section 5.1).
  if (!/^(?:application\/)?at\+jwt$/i.test(typ)) throw malformed('typ is not at+jwt');
  return Object.freeze({ typ, alg, kid });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function malformed(reason: string): TokenError {
  return new TokenError('TOKEN_MALFORMED', reason);
}
