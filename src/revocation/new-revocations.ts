import type { VerifiedToken } from '@tessera/token/core';
import { MAX_TOKEN_LIFE_SECONDS } from '../keys/key-ring.ts';
import type { NewRevocation } from './revocation-records.ts';
import { parseTenantId, type TenantId } from '../domain/ids.ts';

/**
 * Verifiers let a token live 60 s past its end at most, by clocks of their own: a revocation that is forgotten earlier would bring the token back to life.
 */
const MARGIN_SECONDS = 300;

/** jti and sub as this service writes them, and whatever a directory may hold. */
const REVOCABLE_ID = /^[\x21-\x7e]{1,128}$/;

export function isRevocableId(id: string): boolean {
  return REVOCABLE_ID.test(id);
}

/** As this service writes every `jti`. */
const TOKEN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isTokenId(id: string): boolean {
  return TOKEN_ID.test(id);
}

/** One token, whose end is known. */
export function revocationOfToken(token: VerifiedToken): NewRevocation {
  const tenantId = parseTenantId(token.tenantId);
  if (tenantId === undefined) throw new Error('a verified token has a tenant');
  return { tenantId, kind: 'token', id: token.tokenId, before: undefined, until: token.expiresAt + MARGIN_SECONDS };
}

/** One token by its id, wherever it is. */
export function revocationOfTokenId(tenantId: TenantId, id: string, now: number): NewRevocation {
  return { tenantId, kind: 'token', id, before: undefined, until: longest(now) };
}

/**
 * All tokens of a subject, a client or a tenant that were issued until then; those after it are good.
 *
 * @param before epoch seconds, this second included; to reach what servers issue before they have heard of it, see `commitInTime`
 */
export function revocationOfAll(
  tenantId: TenantId,
  kind: 'subject' | 'client' | 'tenant',
  id: string,
  before: number,
): NewRevocation {
  return { tenantId, kind, id, before, until: longest(before) };
}

/** All tokens that a key signed or will sign: whoever else has it writes any `iat`. */
export function revocationOfKey(tenantId: TenantId, kid: string, now: number): NewRevocation {
  return { tenantId, kind: 'key', id: kid, before: undefined, until: longest(now) };
}

/** By then every token that exists now is dead. */
function longest(now: number): number {
  return now + MAX_TOKEN_LIFE_SECONDS + MARGIN_SECONDS;
}
