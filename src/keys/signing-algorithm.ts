import { hash } from 'node:crypto';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';

/** The public half of a signing key: only the members that define the key (RFC 7518, section 6; RFC 8037, section 2). */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string };

/** The key requirements of each algorithm. A missing row does not compile. */
export interface AlgorithmRow {
  readonly kty: PublicJwk['kty'];
  readonly crv: string | undefined;
  /** Members of the public half other than `kty` and `crv`, in alphabetical order. */
  readonly publicMembers: readonly string[];
  readonly privateMembers: readonly string[];
  /** The digest for node:crypto; null: the algorithm includes its own. */
  readonly digest: 'sha256' | null;
  /**
   * Whether signing takes milliseconds, not tens of microseconds. It then runs on the thread pool, because one tenant with RSA keys would otherwise
   * slow down all others.
   */
  readonly slow: boolean;
}

export const ALGORITHMS: Readonly<Record<SigningAlgorithm, AlgorithmRow>> = Object.freeze({
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    publicMembers: ['x', 'y'],
    privateMembers: ['d'],
    digest: 'sha256',
    slow: false,
  },
  RS256: {
    kty: 'RSA',
    crv: undefined,
    publicMembers: ['e', 'n'],
    privateMembers: ['d', 'p', 'q', 'dp', 'dq', 'qi'],
    digest: 'sha256',
    slow: true,
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    publicMembers: ['x'],
    privateMembers: ['d'],
    digest: null,
    slow: false,
  },
});

export function isSigningAlgorithm(value: unknown): value is SigningAlgorithm {
  return typeof value === 'string' && Object.hasOwn(ALGORITHMS, value);
}

/**
 * RFC 7638, section 3: SHA-256 over the required members in lexicographic order, base64url.
 *
 * @param jwk with no other members
 */
export function thumbprint(jwk: PublicJwk | Readonly<Record<string, string>>): string {
  const sorted = Object.fromEntries(Object.entries(jwk).sort(([a], [b]) => (a < b ? -1 : 1)));
  return hash('sha256', JSON.stringify(sorted), 'base64url');
}
