import { randomUUID, sign } from 'node:crypto';
import type { SigningKey } from './private-key.ts';

/** In seconds. The assertion is sent right after it was signed, so it needs no more than the skew between two clocks. */
const LIFETIME = 60;

/**
 * RFC 7523, section 3. The audience is the tenant's issuer and nothing else: with the endpoint's URL, another server could have the client sign an
 * assertion for Tessera (CVE-2025-27370). Tessera accepts each assertion once.
 */
export function signClientAssertion(key: SigningKey, clientId: string, issuer: string, nowMs: number): string {
  const now = Math.floor(nowMs / 1_000);
  const header = { typ: 'client-authentication+jwt', alg: key.alg, kid: key.kid };
  const claims = { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + LIFETIME, jti: randomUUID() };
  const signingInput = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const digest = key.alg === 'EdDSA' ? null : 'sha256';
  const signature = sign(digest, Buffer.from(signingInput), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signingInput}.${signature.toString('base64url')}`;
}
