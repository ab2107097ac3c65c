import type { TesseraClaims } from '@tessera/token';
import { TesseraError } from '../../errors/tessera-error.ts';
import type { SignedJwt } from '../../issuing/jwt-issuer.ts';

/**
 * RFC 6749, section 5.1, as JSON. `scope` is always there, because it may differ from what was asked for.
 *
 * @param issuedTokenType a URI, only after an exchange (RFC 8693, section 2.2.1)
 */
export function formResponse(
  { token, expiresInSeconds }: SignedJwt,
  { scope }: TesseraClaims,
  issuedTokenType?: string,
): string {
  const last = issuedTokenType === undefined ? '' : `,"issued_token_type":"${issuedTokenType}"`;
  return `{"access_token":"${token}","expires_in":${expiresInSeconds},"token_type":"Bearer","scope":${JSON.stringify(scope)}${last}}`;
}

/**
 * The errors of RFC 6749, section 5.2, for those of the steps that all grants share. The client's own authentication has its own error already, so
 * what is left is about the subject.
 */
export function formError(error: unknown): unknown {
  if (!(error instanceof TesseraError)) return error;
  // The tenant is in the path.
  if (error.code === 'client_not_found') return new TesseraError('route_not_found', error.reason, { cause: error });
  return error.code === 'unauthorized' ? new TesseraError('invalid_grant', error.reason, { cause: error }) : error;
}

/** For a request that the client's configuration does not allow. */
export function unauthorizedClient(reason: string): TesseraError {
  return new TesseraError('unauthorized_client', reason, {
    detail: 'The client may not use this grant.',
  });
}
