import type { Deadline } from '../../runtime/deadline.ts';
import { discoverJwksUri } from '../egress/discovery.ts';
import type { Egress } from '../egress/egress.ts';
import type { KeyUse } from '../../tenancy/tenant.ts';
import { type ProviderKeySet, parseProviderKeySet } from './provider-key-set.ts';

/** For all fetches of one search for keys, so that the request is answered within the promised 3 s. */
export const KEYS_DEADLINE_MS = 2_000;

/** The issuer, and the URL of its keys if it is configured. */
export interface KeySource {
  readonly issuer: string;
  /** Undefined: discovery. */
  readonly jwksUri: string | undefined;
  /** A `use` that its keys may state instead of `sig`. */
  readonly keyUse: KeyUse | undefined;
}

export type FetchedKeySet =
  | { readonly set: ProviderKeySet; readonly jwksUri: string; readonly refusal?: undefined }
  /** A fixed phrase. */
  | { readonly set?: undefined; readonly refusal: string };

/**
 * Fetches an issuer's current keys, by discovery unless their URL is known.
 *
 * @param deadline for all fetches together
 */
export async function fetchKeySet(egress: Egress, source: KeySource, deadline: Deadline): Promise<FetchedKeySet> {
  const { jwksUri, refusal: undiscovered } =
    source.jwksUri === undefined ? await discoverJwksUri(egress, source.issuer, deadline) : { jwksUri: source.jwksUri };
  if (jwksUri === undefined) return { refusal: undiscovered };
  const answer = await egress.fetchJson(jwksUri, deadline);
  if (answer.kind === 'failed') return { refusal: `keys: ${answer.reason}` };
  const { set, refusal } = parseProviderKeySet(answer.value, source.keyUse);
  return set === undefined ? { refusal: `keys: ${refusal}` } : { set, jwksUri };
}
