import { Given } from '../runtime/given.ts';
import type { Actor, ActorClaim, Surface, TesseraClaims } from './claims.ts';

/** A verified token. Deeply frozen. Only verification makes one; `isVerifiedToken` distinguishes it from an object with the same fields. */
export interface VerifiedToken {
  readonly issuer: string;
  /** The `sub`. On the surface `service`: `client:<project>/<client>`. */
  readonly subject: string;
  readonly audience: string;
  /** The `jti`. State about a token is keyed by (issuer, tokenId), never by its bytes: a signature has more than one spelling. */
  readonly tokenId: string;
  readonly keyId: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  /** Undefined on the surface `service`: a client has no address. */
  readonly email?: string;
  readonly surface: Surface;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  /** Epoch seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** After an exchange: who requested it, as in the claim `act`. */
  readonly actor?: ActorClaim;
  /**
   * Who acts for the subject, the current actor first. Only the current actor may decide about access; the earlier ones are history (RFC 8693, section
   * 4.1). Empty without an exchange.
   */
  readonly actors: readonly Actor[];
  /** After an exchange of a Tessera token: the `tokenId` of the first token of the chain. Undefined in that token itself. */
  readonly root?: string;
  /** After an exchange: the issuer of the subject token. */
  readonly identityProvider?: string;
  /** As signed, with wire names. Includes claims that this version does not know. */
  readonly claims: TesseraClaims;
}

interface VerifiedObjects {
  add(object: object): unknown;
  has(object: object): boolean;
}

/** Marks objects by a private field. */
class Mark extends Given {
  readonly #isVerified = true;

  private constructor(object: object) {
    super(object);
  }

  static add(object: object): void {
    new Mark(object);
  }

  static has(object: object): boolean {
    return #isVerified in object && object.#isVerified;
  }
}

// A registered symbol, so that the ESM build, the CommonJS build and every copy of this package recognize each other's tokens.
const REGISTRY = Symbol.for('@tessera/token/verified');
const registry = globalThis as unknown as Record<symbol, VerifiedObjects | undefined>;
const verified = (registry[REGISTRY] ??= Mark);

/** True only for objects that verification returned, not for copies or objects built by hand. */
export function isVerifiedToken(value: unknown): value is VerifiedToken {
  return typeof value === 'object' && value !== null && verified.has(value);
}

/** Only verification may call this, after the last check. Not exported by the package. */
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
    surface: claims.surface,
    scopes: Object.freeze(claims.scope.split(' ').filter((name) => name !== '')),
    roles: claims.roles,
    groups: claims.groups,
    resources: claims.resources,
    actors: actorsOf(claims.act),
    issuedAt: claims.iat,
    expiresAt: claims.exp,
    claims,
  };
  if (claims.email_id !== undefined) token.email = claims.email_id;
  if (claims.act !== undefined) token.actor = claims.act;
  if (claims.root !== undefined) token.root = claims.root;
  if (claims.idp !== undefined) token.identityProvider = claims.idp;
  // Before it is frozen, because a frozen object may take no field.
  verified.add(token);
  return Object.freeze(token);
}

const NO_ACTORS: readonly Actor[] = Object.freeze([]);

/** RFC 8693, section 4.1: the outermost `act` is the current actor. */
function actorsOf(outermost: ActorClaim | undefined): readonly Actor[] {
  if (outermost === undefined) return NO_ACTORS;
  const actors: Actor[] = [];
  for (let at: ActorClaim | undefined = outermost; at !== undefined; at = at.act) {
    const { sub, client_id } = at;
    actors.push(Object.freeze(client_id === undefined ? { sub } : { sub, client_id }));
  }
  return Object.freeze(actors);
}

/** The parser's depth limit bounds the recursion. */
function freezeDeeply(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) for (const item of value) freezeDeeply(item);
  else for (const name of Object.keys(value)) freezeDeeply((value as Readonly<Record<string, unknown>>)[name]);
  Object.freeze(value);
}
