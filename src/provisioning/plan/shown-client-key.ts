import { thumbprint } from '../../keys/signing-algorithm.ts';
import type { ClientKey } from '../../tenancy/tenant.ts';

/** 96 bits: nobody makes another key with the same beginning, so two keys that are shown alike are one key. */
const SHOWN_CHARACTERS = 16;

/** A key as plans, records and lists show it: nobody compares moduli by eye. */
export interface ShownClientKey {
  readonly kid: string;
  readonly alg: string;
  /** The beginning of the JWK thumbprint with SHA-256 (RFC 7638). */
  readonly thumbprint: string;
}

export function shownClientKey({ kid = '', alg = '', ...material }: ClientKey): ShownClientKey {
  // The stored members are the required ones of the key's type, which are what the thumbprint is of (RFC 7638, section 3.2).
  return { kid, alg, thumbprint: thumbprint(material).slice(0, SHOWN_CHARACTERS) };
}
