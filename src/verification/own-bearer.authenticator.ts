import { Injectable } from '@nestjs/common';
import { type Bearer, readBearer, type VerifiedToken } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';
import { BearerAuthenticator } from '../http/routes/bearer-authenticator.ts';
import type { Surface } from '../domain/surface.ts';
import { OwnTokenVerifier } from './own-tokens.ts';

const NO_TOKEN: Readonly<Record<Exclude<Bearer['kind'], 'token'>, string>> = {
  none: 'bearer: there is none',
  // Whoever stands behind a gateway may go by another of several headers than the one that is checked here.
  several: 'bearer: more than one header',
  malformed: 'bearer: not one bearer token',
};

/** Opens the edge's bearer routes to the tokens that this service issued. */
@Injectable()
export class OwnBearerAuthenticator extends BearerAuthenticator {
  readonly #tokens: OwnTokenVerifier;

  constructor(tokens: OwnTokenVerifier) {
    super();
    this.#tokens = tokens;
  }

  override authenticate(authorization: readonly string[], surface: Surface): Promise<VerifiedToken> {
    const bearer = readBearer(authorization);
    if (bearer.kind !== 'token') return Promise.reject(new TesseraError('unauthorized', NO_TOKEN[bearer.kind]));
    return this.#tokens.verify(bearer.token, surface);
  }
}
