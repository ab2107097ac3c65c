import type { VerifiedToken } from '@tessera/token/core';

/** Checks whether a token is revoked. A port; RevocationPoller implements it. */
export abstract class RevokedTokens {
  /**
   * Answers from memory.
   *
   * @throws TesseraError temporarily_unavailable while the list was never read: a token that cannot be checked is not accepted
   */
  abstract includes(token: VerifiedToken): boolean;
}
