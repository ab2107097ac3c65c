import type { VerifiedToken } from '@tessera/token/core';
import type { Surface } from '../../domain/surface.ts';

/** Verifies the bearer of a bearer route. A port, because the edge has no keys. */
export abstract class BearerAuthenticator {
  /**
   * @param authorization all Authorization headers
   * @throws TesseraError unauthorized, temporarily_unavailable
   */
  abstract authenticate(authorization: readonly string[], surface: Surface): Promise<VerifiedToken>;
}
