import type { VerifiedToken } from '@tessera/token/core';
import type { Surface } from '../../domain/surface.ts';

/** Who checks the bearer of a bearer route: the edge knows nothing of keys. */
export abstract class BearerAuthenticator {
  /**
   * @param authorization every header of that name
   * @throws TesseraError unauthorized, temporarily_unavailable
   */
  abstract authenticate(authorization: readonly string[], surface: Surface): Promise<VerifiedToken>;
}
