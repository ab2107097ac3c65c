import { Secret } from '../config/secret.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import { type KeyRing, type KeyState, MAX_KEYS, type RingKey } from './key-ring.ts';
import { ALGORITHMS, isSigningAlgorithm, type PublicJwk } from './signing-algorithm.ts';

// Characters that need no escaping in a URL, a log line and a JWT header. Thumbprints are 43 of them.
const KID_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;
// 9999-12-31: later times cannot be formatted as a date.
const MAX_EPOCH_SECONDS = 253_402_300_799;
const BASE64URL = /^[A-Za-z0-9_-]{1,1024}$/;

const KEY_MEMBERS = new Set([
  'kid',
  'alg',
  'state',
  'public_jwk',
  'private_jwk',
  'published_at',
  'activated_at',
  'retire_at',
]);
// A manually written JWK may repeat members of the entry, but must not contradict them.
const REPEATED_MEMBERS = new Set(['kid', 'alg', 'use', 'key_ops']);

type Document = Readonly<Record<string, unknown>>;

/**
 * Reads the Vault entry `keys/<tenant>`: `{ keys: [{ kid, alg, state, public_jwk, private_jwk?, published_at, activated_at?, retire_at? }] }`.
 *
 * People can edit the entry, so anything unknown or invalid makes the whole ring unusable. Signing with a part of it, or dropping unknown members at
 * the next write, would be worse.
 *
 * @throws TesseraError temporarily_unavailable if it is malformed
 */
export function parseKeyRing(data: Document): KeyRing {
  onlyMembers(data, new Set(['keys']));
  const { keys } = data;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS) throw malformed();
  const parsed = keys.map(parseKey);
  if (new Set(parsed.map((key) => key.kid)).size !== parsed.length) throw malformed();
  return { keys: parsed };
}

export function formatKeyRing(ring: KeyRing): Record<string, unknown> {
  return { keys: ring.keys.map(formatKey) };
}

function formatKey(key: RingKey): Document {
  return {
    kid: key.kid,
    alg: key.alg,
    state: key.state,
    public_jwk: key.publicJwk,
    ...(key.privateJwk !== undefined && { private_jwk: JSON.parse(Secret.reveal(key.privateJwk)) as unknown }),
    published_at: key.publishedAt,
    ...(key.activatedAt !== undefined && { activated_at: key.activatedAt }),
    ...(key.retireAt !== undefined && { retire_at: key.retireAt }),
  };
}

function parseKey(value: unknown): RingKey {
  const document = asDocument(value);
  onlyMembers(document, KEY_MEMBERS);
  const { kid, alg, state } = document;
  if (typeof kid !== 'string' || !KID_PATTERN.test(kid)) throw malformed();
  if (!isSigningAlgorithm(alg) || !isKeyState(state)) throw malformed();
  const publicJwk = parsePublicJwk(asDocument(document['public_jwk']), kid, alg);
  return {
    kid,
    alg,
    state,
    publicJwk,
    privateJwk: parsePrivateJwk(document['private_jwk'], { kid, alg, state, publicJwk }),
    publishedAt: required(parseInstant(document['published_at'])),
    activatedAt: parseInstant(document['activated_at']),
    // Required to know when the key's last token has expired.
    retireAt: state === 'retired' ? required(parseInstant(document['retire_at'])) : parseInstant(document['retire_at']),
  };
}

function parsePublicJwk(jwk: Document, kid: string, alg: SigningAlgorithm): PublicJwk {
  const { kty, crv, publicMembers } = ALGORITHMS[alg];
  onlyMembers(jwk, new Set([...REPEATED_MEMBERS, 'kty', ...(crv === undefined ? [] : ['crv']), ...publicMembers]));
  repeatsItsEntry(jwk, kid, alg);
  if (jwk['kty'] !== kty || jwk['crv'] !== crv) throw malformed();
  const values = publicMembers.map((member) => [member, asBase64url(jwk[member])] as const);
  // The algorithm's row determines the members, so this is one type of the union.
  return { kty, ...(crv !== undefined && { crv }), ...Object.fromEntries(values) } as PublicJwk;
}

/**
 * The private half as JSON text, with its public members checked against the published half. Loading the ring verifies that the two halves belong
 * together.
 */
function parsePrivateJwk(
  value: unknown,
  key: Pick<RingKey, 'kid' | 'alg' | 'state' | 'publicJwk'>,
): Secret | undefined {
  // A retired or revoked key never signs. A private half that was left there is not read, and the next write removes it.
  if (key.state === 'retired' || key.state === 'revoked') return undefined;
  const jwk = asDocument(value);
  const { privateMembers } = ALGORITHMS[key.alg];
  const published = Object.entries(key.publicJwk);
  onlyMembers(jwk, new Set([...REPEATED_MEMBERS, ...published.map(([member]) => member), ...privateMembers]));
  repeatsItsEntry(jwk, key.kid, key.alg);
  if (published.some(([member, text]) => jwk[member] !== text)) throw malformed();
  const secret = privateMembers.map((member) => [member, asBase64url(jwk[member])] as const);
  return new Secret(JSON.stringify({ ...key.publicJwk, ...Object.fromEntries(secret) }));
}

function repeatsItsEntry(jwk: Document, kid: string, alg: string): void {
  if (jwk['kid'] !== undefined && jwk['kid'] !== kid) throw malformed();
  if (jwk['alg'] !== undefined && jwk['alg'] !== alg) throw malformed();
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') throw malformed();
}

function parseInstant(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed();
  if (value < 0 || value > MAX_EPOCH_SECONDS) throw malformed();
  return value;
}

function required(instant: number | undefined): number {
  if (instant === undefined) throw malformed();
  return instant;
}

function asBase64url(value: unknown): string {
  if (typeof value !== 'string' || !BASE64URL.test(value)) throw malformed();
  return value;
}

function asDocument(value: unknown): Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return value as Document;
}

function onlyMembers(document: Document, known: ReadonlySet<string>): void {
  if (Object.keys(document).some((member) => !known.has(member))) throw malformed();
}

function isKeyState(value: unknown): value is KeyState {
  return value === 'next' || value === 'active' || value === 'retired' || value === 'revoked';
}

function malformed(): Error {
  return unavailable('vault', 'the key ring is malformed');
}
