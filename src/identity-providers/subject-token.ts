import { hash } from 'node:crypto';
import { type CompactForm, type CompactTokenLimits, parseCompactForm, TokenError } from '@tessera/token/core';
import { type SubjectTokenAlgorithm, parseSubjectTokenAlgorithm } from './subject-token-algorithm.ts';
import { refusedToken } from './subject-token-refusal.ts';
import { type SubjectTokenType, parseSubjectTokenType } from './subject-token-type.ts';
import { PresentedToken } from '../domain/presented-token.ts';

/** A strictly parsed subject token. Nothing in it is verified yet. */
export interface SubjectToken {
  readonly algorithm: SubjectTokenAlgorithm;
  /** Absent if the issuer has only one key and does not name it. */
  readonly kid: string | undefined;
  /** The type in its header. */
  readonly type: SubjectTokenType | undefined;
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signingInput: string;
  readonly signature: Buffer;
}

// Other issuers put groups and pictures into their tokens. Twice the limit for Tessera's own tokens.
export const SUBJECT_TOKEN_LIMITS = Object.freeze({ maxBytes: 16_384, maxDepth: 8 });

// Each changes the meaning of the rest of the token (RFC 7515, section 4.1.11; RFC 7797; RFC 7516, section 4.1.3), so it cannot be ignored. `jwk`,
// `jku`, `x5c`, `x5u` and the like are ignored: a key in a header, or one that a header refers to, is never used.
const MEANING_CHANGING_MEMBERS = ['crit', 'b64', 'zip'];

/**
 * Parses a subject token strictly, before any key is looked up.
 *
 * @throws TesseraError unauthorized
 */
export function parseSubjectToken(presented: PresentedToken): SubjectToken {
  const { header, claims, signingInput, signature } = parseForm(presented);
  if (MEANING_CHANGING_MEMBERS.some((member) => Object.hasOwn(header, member)))
    throw refusedToken('its header changes its meaning');
  const { alg, kid, typ } = header;
  const algorithm = parseSubjectTokenAlgorithm(alg);
  if (algorithm === undefined) throw refusedToken('its algorithm proves nothing about who signed');
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) throw refusedToken('its kid is not a text');
  const type = typeof typ === 'string' ? parseSubjectTokenType(typ) : undefined;
  if (typ !== undefined && type === undefined) throw refusedToken('its typ is not a media type');
  const { iss } = claims;
  if (typeof iss !== 'string' || iss === '') throw refusedToken('it has no issuer');
  return { algorithm, kid, type, issuer: iss, claims, signingInput, signature };
}

/**
 * Identifies the token within its issuer for replay protection: by its `jti`, or else by the signed text. Not by the signature, because an ECDSA
 * signature has a second valid form. It is a digest of fixed length, so that no column length or collation of a database decides whether two are
 * equal.
 */
export function replayId(token: SubjectToken): string {
  const { jti } = token.claims;
  return hash('sha256', typeof jti === 'string' ? `jti:${jti}` : `token:${token.signingInput}`, 'base64url');
}

export interface ExaminedForm {
  /** UTF-8. */
  readonly bytes: number;
  /** Why the form is refused, as a fixed phrase of the parser. Undefined: it passes. */
  readonly fault: string | undefined;
  /** Undefined if it cannot be read, whatever the limits. */
  readonly form: CompactForm | undefined;
}

// For tokens that miss the limits. The parser is the same.
const EXAMINED_LIMITS = { maxBytes: 1_000_000, maxDepth: 64 };

/** What a token holds, for the operator who has it: by the same parser, but also beyond the limits of a server. Decides nothing. */
export function examineForm(presented: PresentedToken): ExaminedForm {
  const text = PresentedToken.text(presented);
  const bytes = Buffer.byteLength(text);
  const strict = readForm(text, SUBJECT_TOKEN_LIMITS);
  if (strict.form !== undefined) return { bytes, fault: undefined, form: strict.form };
  return { bytes, fault: strict.fault, form: readForm(text, EXAMINED_LIMITS).form };
}

function readForm(
  text: string,
  limits: CompactTokenLimits,
): { readonly form: CompactForm; readonly fault?: undefined } | { readonly form?: undefined; readonly fault: string } {
  try {
    return { form: parseCompactForm(text, limits) };
  } catch (error) {
    if (error instanceof TokenError) return { fault: error.reason };
    throw error;
  }
}

function parseForm(presented: PresentedToken): CompactForm {
  try {
    return parseCompactForm(PresentedToken.text(presented), SUBJECT_TOKEN_LIMITS);
  } catch (error) {
    if (error instanceof TokenError) throw refusedToken('it is malformed', error);
    throw error;
  }
}
