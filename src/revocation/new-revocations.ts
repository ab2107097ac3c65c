import type { VerifiedToken } from '@tessera/token/core';
import { MAX_TOKEN_LIFE_SECONDS } from '../keys/key-ring.ts';
import type { NewRevocation } from './revocation-records.ts';
import { parseTenantId, type TenantId } from '../domain/ids.ts';

/**
 * Verifiers accept a token up to 60 s after its `exp`, by their own clocks. A revocation that is dropped before that would make the token valid
 * again.
 */
const MARGIN_SECONDS = 300;

/** Covers jti and sub as this service writes them, and every id that a directory may hold. */
const REVOCABLE_ID = /^[\x21-\x7e]{1,128}$/;

export function isRevocableId(id: string): boolean {
  return REVOCABLE_ID.test(id);
}

/** The form of every `jti` of this service. */
const TOKEN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isTokenId(id: string): boolean {
  return TOKEN_ID.test(id);
}

/** Revokes one token whose `exp` is known. */
export function revocationOfToken(token: VerifiedToken): NewRevocation {
  const tenantId = parseTenantId(token.tenantId);
  if (tenantId === undefined) throw new Error('a verified token has a tenant');
  return { tenantId, kind: 'token', id: token.tokenId, before: undefined, until: token.expiresAt + MARGIN_SECONDS };
}

/** Revokes one token by its id alone. */
export function revocationOfTokenId(tenantId: TenantId, id: string, now: number): NewRevocation {
  return { tenantId, kind: 'token', id, before: undefined, until: longest(now) };
}

/**
 * Revokes all tokens of a subject, a client or a tenant issued until then. Later tokens are valid.
 *
 * @param before epoch seconds, this second included; `commitInTime` explains how to cover tokens of servers that have not read the revocation yet
 */
export function revocationOfAll(
  tenantId: TenantId,
  kind: 'subject' | 'client' | 'tenant',
  id: string,
  before: number,
): NewRevocation {
  return { tenantId, kind, id, before, until: longest(before) };
}

/** Revokes all tokens that a key signed or will sign, because an attacker with the key can write any `iat`. */
export function revocationOfKey(tenantId: TenantId, kid: string, now: number): NewRevocation {
  return { tenantId, kind: 'key', id: kid, before: undefined, until: longest(now) };
}

/** The time by which every token that exists now has expired. */
function longest(now: number): number {
  return now + MAX_TOKEN_LIFE_SECONDS + MARGIN_SECONDS;
}
