import type { ActorClaim, Surface, TesseraClaims } from './claims.ts';

/** A token that was verified, and what it says. Deeply frozen. Only verification makes one; `isVerifiedToken` tells it from a look-alike. */
export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  /** The `jti`. State about a token is keyed by (issuer, tokenId), never by its bytes: a signature has more than one spelling. */
  readonly tokenId: string;
  readonly keyId: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly email: string;
  readonly surface: Surface;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  /** Epoch seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** After an exchange: who asked. */
  readonly actor?: ActorClaim;
  /** After an exchange: the issuer of the foreign token. */
  readonly identityProvider?: string;
  /** As signed, wire names; claims that this version does not know included. */
  readonly claims: TesseraClaims;
}

// Registered, so that both module forms and every copy of this package know each other's tokens.
const REGISTRY = Symbol.for('@tessera/token/verified');
const registry = globalThis as unknown as Record<symbol, WeakSet<object> | undefined>;
const verified = (registry[REGISTRY] ??= new WeakSet());

/** True for what verification returned, and for nothing that was built, copied or parsed. */
export function isVerifiedToken(value: unknown): value is VerifiedToken {
  return typeof value === 'object' && value !== null && verified.has(value);
}

/** Called by verification alone, after the last check. Not exported by the package. */
export function sealVerifiedToken(claims: TesseraClaims, keyId: string): VerifiedToken {
  freezeDeeply(claims);
  const token: { -readonly [Member in keyof VerifiedToken]: VerifiedToken[Member] } = {
    issuer: claims.iss,
    subject: claims.sub,
    audience: claims.aud,
    tokenId: claims.jti,
    keyId,
    tenantId: claims.tenant_id,
    projectId: claims.project_id,
    clientId: claims.client_id,
    email: claims.email_id,
    surface: claims.surface,
    scopes: Object.freeze(claims.scope.split(' ').filter((name) => name !== '')),
    roles: claims.roles,
    groups: claims.groups,
    resources: claims.resources,
    issuedAt: claims.iat,
    expiresAt: claims.exp,
    claims,
  };
  if (claims.act !== undefined) token.actor = claims.act;
  if (claims.idp !== undefined) token.identityProvider = claims.idp;
  verified.add(Object.freeze(token));
  return token;
}

/** As deep as the parser allows. */
function freezeDeeply(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) for (const item of value) freezeDeeply(item);
  else for (const name of Object.keys(value)) freezeDeeply((value as Readonly<Record<string, unknown>>)[name]);
  Object.freeze(value);
}
