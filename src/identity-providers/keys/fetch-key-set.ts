import type { Deadline } from '../../runtime/deadline.ts';
import { discoverJwksUri } from '../egress/discovery.ts';
import type { Egress } from '../egress/egress.ts';
import { type ForeignKeySet, parseForeignKeySet } from './provider-key-set.ts';

/** For everything that one look for keys fetches, so that the request behind it answers within the promised 3 s. */
export const KEYS_DEADLINE_MS = 2_000;

/** Whose keys, and where they are if the trust says so itself. */
export interface KeySource {
  readonly issuer: string;
  /** Undefined: discovery. */
  readonly jwksUri: string | undefined;
}

export type FetchedKeySet =
  | { readonly set: ForeignKeySet; readonly jwksUri: string; readonly refusal?: undefined }
  /** A fixed phrase. */
  | { readonly set?: undefined; readonly refusal: string };

/**
 * An issuer's keys as they are now: by discovery unless it is known where they are.
 *
 * @param deadline for everything together
 */
export async function fetchKeySet(egress: Egress, source: KeySource, deadline: Deadline): Promise<FetchedKeySet> {
  const { jwksUri, refusal: undiscovered } =
    source.jwksUri === undefined ? await discoverJwksUri(egress, source.issuer, deadline) : { jwksUri: source.jwksUri };
  if (jwksUri === undefined) return { refusal: undiscovered };
  const answer = await egress.fetchJson(jwksUri, deadline);
  if (answer.kind === 'failed') return { refusal: `keys: ${answer.reason}` };
  const { set, refusal } = parseForeignKeySet(answer.value);
  return set === undefined ? { refusal: `keys: ${refusal}` } : { set, jwksUri };
}
