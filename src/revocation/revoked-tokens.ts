import type { VerifiedToken } from '@tessera/token/core';

/** Which tokens are good no more. Declared where it is asked; src/revocation follows the list. */
export abstract class RevokedTokens {
  /**
   * Answered from memory.
   *
   * @throws TesseraError temporarily_unavailable while the list was never read: a token that nobody can judge is not let in
   */
  abstract includes(token: VerifiedToken): boolean;
}
