import type { VerifiedToken } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';
import { BearerAuthenticator } from '../http/bearer-authenticator.ts';
import type { Surface } from '../vocabulary/surface.ts';
import type { OwnTokenVerifier } from './own-tokens.ts';

// RFC 6750, section 2.1: one scheme, one space, one token of the b64token alphabet. The scheme is case-insensitive (RFC 9110, section 11.1).
const BEARER = /^bearer ([\w.~+/-]+=*)$/i;

/** Opens the edge's bearer routes to the tokens that this service issued. */
export class OwnBearerAuthenticator extends BearerAuthenticator {
  readonly #tokens: OwnTokenVerifier;

  constructor(tokens: OwnTokenVerifier) {
    super();
    this.#tokens = tokens;
  }

  override authenticate(authorization: string | undefined, surface: Surface): Promise<VerifiedToken> {
    if (authorization === undefined) return Promise.reject(new TesseraError('unauthorized', 'bearer: there is none'));
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return Promise.reject(new TesseraError('unauthorized', 'bearer: not one bearer token'));
    return this.#tokens.verify(token, surface);
  }
}
