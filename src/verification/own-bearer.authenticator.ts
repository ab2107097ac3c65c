import { Injectable } from '@nestjs/common';
import type { VerifiedToken } from '@tessera/token/core';
import { BearerAuthenticator } from '../http/routes/bearer-authenticator.ts';
import type { Surface } from '../domain/surface.ts';
import { bearerOf } from './bearer.ts';
import { OwnTokenVerifier } from './own-tokens.ts';

/** Verifies the bearers of the edge's bearer routes: tokens that this service issued. */
@Injectable()
export class OwnBearerAuthenticator extends BearerAuthenticator {
  readonly #tokens: OwnTokenVerifier;

  constructor(tokens: OwnTokenVerifier) {
    super();
    this.#tokens = tokens;
  }

  override async authenticate(authorization: readonly string[], surface: Surface): Promise<VerifiedToken> {
    return this.#tokens.verify(bearerOf(authorization), surface);
  }
}
