import type { AuditTrace } from '../audit/audit-record.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { OwnTokenVerifier } from './own-tokens.ts';
import type { Surface } from '../domain/surface.ts';
import { type ActiveToken, activeToken, activeTokenOrUndefined, INACTIVE, type InactiveToken } from './active-token.ts';

/** The door of verifyToken, the same for both surfaces: whether a token is good now, and what it says if it is. */
export class VerifyToken {
  readonly #tokens: OwnTokenVerifier;

  constructor(tokens: OwnTokenVerifier) {
    this.#tokens = tokens;
  }

  /** @throws TesseraError invalid_request for another body, temporarily_unavailable when nothing can be said about the token */
  async answer(surface: Surface, body: unknown, trace: AuditTrace): Promise<ActiveToken | InactiveToken> {
    const token = await activeTokenOrUndefined(this.#tokens.verify(parseVerifyRequest(body), surface), trace);
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
