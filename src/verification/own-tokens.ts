import { Inject, Injectable } from '@nestjs/common';
import { TokenError, type VerificationKey, type VerifiedToken, verifyParsed } from '@tessera/token/core';
import { CONFIG, type Config } from '../config/config.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { Clock, CLOCK_SKEW_SECONDS, epochSeconds } from '../domain/clock.ts';
import { parseTenantId } from '../domain/ids.ts';
import { PresentedToken } from '../domain/presented-token.ts';
import type { Surface } from '../domain/surface.ts';
import { issuerOf } from '../domain/issuer.ts';
import { MAX_TOKEN_LIFE_SECONDS } from '../keys/key-ring.ts';
import { KeyRings } from '../keys/key-rings.ts';
import { RevokedTokens } from '../revocation/revoked-tokens.ts';
import { UnverifiedToken } from './unverified-token.ts';

/** Verifies tokens that this service issued, by the same rules as every other verifier, with the keys in memory. */
@Injectable()
export class OwnTokenVerifier {
  readonly #keyRings: KeyRings;
  readonly #revoked: RevokedTokens;
  readonly #clock: Clock;
  readonly #publicUrl: string;

  constructor(
    keyRings: KeyRings,
    revoked: RevokedTokens,
    clock: Clock,
    @Inject(CONFIG) { publicUrl }: Pick<Config, 'publicUrl'>,
  ) {
    this.#keyRings = keyRings;
    this.#revoked = revoked;
    this.#clock = clock;
    this.#publicUrl = publicUrl;
  }

  /**
   * The audience is not checked, because the token is presented to its issuer. Neither are the tenant's and the subject's status.
   *
   * @throws TesseraError unauthorized for a token that is not valid on this surface now, temporarily_unavailable if its keys are unavailable
   */
  verify(token: string | PresentedToken, surface: Surface): Promise<VerifiedToken> {
    return this.verifyAt(token, [surface]);
  }

  /** Like `verify`, for endpoints that belong to no surface: they describe a token and do not authorize its holder. */
  async verifyAt(token: string | PresentedToken, surfaces: readonly Surface[]): Promise<VerifiedToken> {
    try {
      return await this.#verify(token, surfaces);
    } catch (error) {
      if (error instanceof TokenError) throw unauthorized(error.reason, error);
      return withoutTenant(error);
    }
  }

  /**
   * The key that verified one of our tokens, if it still verifies tokens.
   *
   * @throws TesseraError unauthorized if it no longer does, temporarily_unavailable if it is unavailable
   */
  async keyOf({ tenantId, keyId }: VerifiedToken): Promise<VerificationKey> {
    const id = parseTenantId(tenantId);
    const key = id === undefined ? undefined : await this.#keyRings.verificationKey(id, keyId).catch(withoutTenant);
    if (key === undefined) throw new TesseraError('unauthorized', 'bearer: the tenant has no such key that signs');
    return key;
  }

  async #verify(token: string | PresentedToken, surfaces: readonly Surface[]): Promise<VerifiedToken> {
    const unverified = token instanceof UnverifiedToken ? token : UnverifiedToken.parse(this.#publicUrl, textOf(token));
    // Used only to find the key: the signature is not verified yet.
    const { tenantId } = unverified;
    const parsed = UnverifiedToken.parsed(unverified);
    const key = await this.#keyRings.verificationKey(tenantId, parsed.header.kid);
    if (key === undefined) throw new TokenError('TOKEN_KEY_UNKNOWN', 'the tenant has no such key that signs');
    const verified = verifyParsed(parsed, {
      key,
      issuer: issuerOf(this.#publicUrl, tenantId),
      audiences: 'any',
      surfaces,
      clockSkewSeconds: CLOCK_SKEW_SECONDS,
      maxLifetimeSeconds: MAX_TOKEN_LIFE_SECONDS,
      nowSeconds: epochSeconds(this.#clock.nowMs()),
    });
    if (this.#revoked.includes(verified)) throw new TokenError('TOKEN_REVOKED', 'the token was revoked');
    return verified;
  }
}

function textOf(token: string | PresentedToken): string {
  return typeof token === 'string' ? token : PresentedToken.text(token);
}

function unauthorized(reason: string, cause: unknown): TesseraError {
  return new TesseraError('unauthorized', `bearer: ${reason}`, { cause });
}

/** An unknown tenant gets the answer of any invalid token, so that it does not reveal which tenants exist. */
function withoutTenant(error: unknown): never {
  if (error instanceof TesseraError && error.code === 'client_not_found') throw unauthorized('unknown tenant', error);
  throw error;
}
