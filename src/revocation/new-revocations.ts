import type { VerifiedToken } from '@tessera/token/core';
import { MAX_TOKEN_LIFE_SECONDS } from '../keys/key-ring.ts';
import { allClients } from '../tenancy/all-clients.ts';
import type { Tenant } from '../tenancy/tenant.ts';
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

/** What revokes one token: its own entry first, then one for the tokens that it was exchanged for. */
export type TokenRevocations = readonly [NewRevocation, ...NewRevocation[]];

/**
 * Revokes one token whose `exp` is known, and its descendants.
 *
 * Tokens name the first token of their chain and no other. So for a token that came from an exchange, all that was exchanged from its root until then
 * is revoked; the root itself stays valid and may be exchanged again.
 *
 * @param before epoch seconds, this second included; see `revocationOfAll`
 * @param isExchangeable whether the token may have been exchanged; see `mayExchange`
 */
export function revocationsOfToken(token: VerifiedToken, before: number, isExchangeable: boolean): TokenRevocations {
  const { tokenId, root, surface } = token;
  const tenantId = parseTenantId(token.tenantId);
  if (tenantId === undefined) throw new Error('a verified token has a tenant');
  const until = token.expiresAt + MARGIN_SECONDS;
  const own: NewRevocation = { tenantId, kind: 'token', id: tokenId, before: undefined, until };
  if (root !== undefined) return [own, revocationOfChain(tenantId, root, before)];
  // Tokens of administrators are not exchanged. Most tenants exchange none, and each entry is kept by every server and verifier.
  if (surface === 'admin' || !isExchangeable) return [own];
  // No descendant outlives its root.
  return [own, { tenantId, kind: 'chain', id: tokenId, before: undefined, until }];
}

/**
 * Whether clients of the tenant may exchange tokens. If none may, no token has descendants that are valid: what a client exchanged is revoked when it
 * may no longer exchange anything (src/provisioning/plan/removed.ts).
 */
export function mayExchange(tenant: Pick<Tenant, 'projects'>): boolean {
  return allClients(tenant).some(({ exchange }) => exchange.length > 0);
}

/** In place of a root: whatever the root. */
export const EVERY_ROOT = '*';

/** Revokes all that was exchanged from a root until then. */
export function revocationOfChain(tenantId: TenantId, rootTokenId: string, before: number): NewRevocation {
  return { tenantId, kind: 'chain', id: rootTokenId, before, until: longest(before) };
}

/** Revokes one token by its id alone, and what was exchanged from it if it is a root. */
export function revocationsOfTokenId(
  tenantId: TenantId,
  id: string,
  now: number,
  isExchangeable: boolean,
): TokenRevocations {
  const own: NewRevocation = { tenantId, kind: 'token', id, before: undefined, until: longest(now) };
  return isExchangeable ? [own, { ...own, kind: 'chain' }] : [own];
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
