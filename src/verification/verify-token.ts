import { Injectable } from '@nestjs/common';
import { TesseraError } from '../errors/tessera-error.ts';
import { OwnTokenVerifier } from './own-tokens.ts';
import type { Surface } from '../domain/surface.ts';
import { type VerifiedTokenAnswer, verifiedTokenAnswer } from './verified-token.dto.ts';

/** Answers verifyToken for both surfaces: the claims of a token that is valid now. */
@Injectable()
export class VerifyToken {
  readonly #tokens: OwnTokenVerifier;

  constructor(tokens: OwnTokenVerifier) {
    this.#tokens = tokens;
  }

  /**
   * A token that is not valid is an error, so that a caller who looks only at the status does not accept it.
   *
   * @throws TesseraError invalid_request for another body, unauthorized for a token that is not valid, temporarily_unavailable if it cannot be checked
   * now
   */
  async answer(surface: Surface, body: unknown): Promise<VerifiedTokenAnswer> {
    return verifiedTokenAnswer(await this.#tokens.verify(parseVerifyRequest(body), surface));
  }
}

function parseVerifyRequest(body: unknown): string {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    const { token, ...unknown } = body as Record<string, unknown>;
    if (typeof token === 'string' && Object.keys(unknown).length === 0) return token;
  }
  throw new TesseraError('invalid_request', 'the body is not a token to verify', { detail: explain(body) });
}

function explain(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'The body must be a JSON object.';
  const { token } = body as Record<string, unknown>;
  if (token === undefined) return 'token is missing.';
  return typeof token === 'string' ? 'The body has a member that is not token.' : 'token must be a string.';
}
