import { hash } from 'node:crypto';
import { parseCompactForm, TokenError } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';
import { type ForeignAlgorithm, isForeignAlgorithm } from './subject-token-algorithm.ts';
import { type ForeignTokenType, parseForeignTokenType } from './subject-token-type.ts';
import { PresentedToken } from '../domain/presented-token.ts';

/** A foreign token of unambiguous form. Nothing in it is proven. */
export interface SubjectToken {
  readonly algorithm: ForeignAlgorithm;
  /** Absent: the issuer has one key, and its tokens do not name it. */
  readonly kid: string | undefined;
  /** What kind of token it says that it is. */
  readonly type: ForeignTokenType | undefined;
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signingInput: string;
  readonly signature: Buffer;
}

// Others put groups and pictures into their tokens: twice what Tessera takes of its own.
const LIMITS = { maxBytes: 16_384, maxDepth: 8 };

// Each changes what the rest of the token means (RFC 7515, section 4.1.11; RFC 7797; RFC 7516, section 4.1.3), so it cannot be ignored as the
// others are. `jwk`, `jku`, `x5c`, `x5u` and their like are ignored: nothing that a header holds or points to is ever a key here.
const MEANING_CHANGING_MEMBERS = ['crit', 'b64', 'zip'];

/**
 * The strict form of a foreign token, before any key is looked for.
 *
 * @throws TesseraError unauthorized
 */
export function parseForeignToken(presented: PresentedToken): SubjectToken {
  const { header, claims, signingInput, signature } = parseForm(presented);
  if (MEANING_CHANGING_MEMBERS.some((member) => Object.hasOwn(header, member)))
    throw refused('its header changes its meaning');
  const { alg, kid, typ } = header;
  if (!isForeignAlgorithm(alg)) throw refused('its algorithm proves nothing about who signed');
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) throw refused('its kid is not a text');
  const type = typeof typ === 'string' ? parseForeignTokenType(typ) : undefined;
  if (typ !== undefined && type === undefined) throw refused('its typ is not a media type');
  const { iss } = claims;
  if (typeof iss !== 'string' || iss === '') throw refused('it has no issuer');
  return { algorithm: alg, kid, type, issuer: iss, claims, signingInput, signature };
}

/**
 * What names this token among all of its issuer's: its `jti`, else what was signed. Not the signature: an ECDSA one has a second spelling that
 * verifies too. A digest of fixed length, so that no length or collation of a database decides whether two are one.
 */
export function spendingId(token: SubjectToken): string {
  const { jti } = token.claims;
  return hash('sha256', typeof jti === 'string' ? `jti:${jti}` : `token:${token.signingInput}`, 'base64url');
}

function parseForm(presented: PresentedToken): ReturnType<typeof parseCompactForm> {
  try {
    return parseCompactForm(PresentedToken.text(presented), LIMITS);
  } catch (error) {
    if (error instanceof TokenError) throw refused('it is malformed', error);
    throw error;
  }
}

function refused(why: string, cause?: unknown): TesseraError {
  return new TesseraError('unauthorized', `the foreign token is refused: ${why}`, { cause });
}
