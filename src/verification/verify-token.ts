import { Injectable } from '@nestjs/common';
import { TesseraError } from '../errors/tessera-error.ts';
import { OwnTokenVerifier } from './own-tokens.ts';
import type { Surface } from '../domain/surface.ts';
import {
  type ActiveToken,
  activeToken,
  activeTokenOrUndefined,
  INACTIVE,
  type InactiveReason,
  type InactiveToken,
} from './token-status/active-token.ts';

/** Answers verifyToken for both surfaces: whether a token is valid now, and its claims if it is. */
@Injectable()
export class VerifyToken {
  readonly #tokens: OwnTokenVerifier;

  constructor(tokens: OwnTokenVerifier) {
    this.#tokens = tokens;
  }

  /** @throws TesseraError invalid_request for another body, temporarily_unavailable if the token cannot be checked now */
  async answer(surface: Surface, body: unknown, log: InactiveReason): Promise<ActiveToken | InactiveToken> {
    const token = await activeTokenOrUndefined(this.#tokens.verify(parseVerifyRequest(body), surface), log);
    return token === undefined ? INACTIVE : activeToken(token);
  }
}

function parseVerifyRequest(body: unknown): string {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    const { token, ...unknown } = body as Record<string, unknown>;
    if (typeof token === 'string' && Object.keys(unknown).length === 0) return token;
  }
  throw new TesseraError('invalid_request', 'the body is not a token to verify', {
    detail: 'token: must be a string, and the only member',
  });
}
