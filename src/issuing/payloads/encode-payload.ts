import type { TesseraClaims } from '@tessera/token';
import type { AuthorizationFacts } from '../authorization-decision.ts';
import { PreparedPayload } from './prepared-payload.ts';

/** Contents that are kept of one client and subject: usually each of its audiences. */
const MAX_CONTENTS = 4;
/** Characters of a payload that is kept. Larger ones are rare, and a copy of each would double the memory for their grants. */
const MAX_KEPT = 2048;

/** What the claims of a token were built from, but for its times. */
export interface PayloadSource {
  readonly facts: AuthorizationFacts;
  readonly publicUrl: string;
}

interface Content extends PayloadSource {
  /** Undefined until the content is used again; null: it is not kept. */
  payload: PreparedPayload | null | undefined;
}

// The list of roles belongs to one client and one subject, and lives as long as they are cached.
const contents = new WeakMap<readonly string[], Content[]>();

/**
 * The payload of a JWT in base64url: the claims as JSON, to the letter. For tokens with the content of an earlier one only the times are encoded.
 *
 * @param source what `buildClaims` has built the claims from
 */
export function encodePayload(claims: TesseraClaims, source: PayloadSource): string {
  const content = contentOf(source);
  if (content === undefined) return encodeClaims(claims);
  if (content.payload === undefined) content.payload = prepare(claims);
  return content.payload?.encode(claims) ?? encodeClaims(claims);
}

export function encodeClaims(claims: TesseraClaims): string {
  return Buffer.from(JSON.stringify(claims)).toString('base64url');
}

/** @returns undefined for a content that comes for the first time, or never again */
function contentOf({ facts, publicUrl }: PayloadSource): Content | undefined {
  // Each token of an exchange has a chain of its own.
  if (facts.exchange !== undefined) return undefined;
  const known = contents.get(facts.roles);
  if (known === undefined) {
    contents.set(facts.roles, [{ facts, publicUrl, payload: undefined }]);
    return undefined;
  }
  for (const content of known) if (content.publicUrl === publicUrl && isSame(content.facts, facts)) return content;
  if (known.length < MAX_CONTENTS) known.push({ facts, publicUrl, payload: undefined });
  return undefined;
}

/** Compares everything that claims are built from. All of it is frozen, so that the same object has the same content. */
function isSame(one: AuthorizationFacts, other: AuthorizationFacts): boolean {
  return (
    one.tenant === other.tenant &&
    one.client === other.client &&
    one.subject === other.subject &&
    one.surface === other.surface &&
    one.audience === other.audience &&
    one.roles === other.roles &&
    one.groups === other.groups &&
    one.scopes === other.scopes &&
    one.resources === other.resources &&
    one.exchange === other.exchange
  );
}

function prepare(claims: TesseraClaims): PreparedPayload | null {
  const json = JSON.stringify(claims);
  return json.length > MAX_KEPT ? null : (PreparedPayload.of(json, claims) ?? null);
}
