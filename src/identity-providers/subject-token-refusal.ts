import { TesseraError } from '../errors/tessera-error.ts';

/** Reasons that are always the same text. `tessera issuers check` has a fix for each: a reason without one does not compile. */
export type FixedRefusal =
  // Form.
  | 'it is malformed'
  | 'its header changes its meaning'
  | 'its algorithm proves nothing about who signed'
  | 'its kid is not a text'
  | 'its typ is not a media type'
  | 'it has no issuer'
  // Trusted issuer.
  | 'it is one of ours'
  | 'this tenant does not trust its issuer'
  | 'its issuer is not trusted for this client'
  | 'its issuer is not trusted for this surface'
  | 'its issuer is not trusted with this algorithm'
  | 'its issuer is not trusted with tokens of this typ'
  // Signature.
  | 'the key does not confirm its signature'
  // Kind.
  | 'it has no subject'
  | 'it came from an exchange itself'
  | 'it is a security event'
  | 'it is bound to a key'
  | 'its jti is not a text'
  // Audience.
  | 'its audience is missing or not a text'
  | 'it is for another audience'
  | 'it is for several audiences and was asked for by another'
  | 'its azp is not one that the trust lists'
  | 'it has an aud, which its issuer is trusted without'
  | 'its client_id is missing or not a text'
  | 'its client_id is not an audience of the trust'
  | 'the trust has no condition besides its client_id'
  // Times.
  | 'its iat is missing or not a time'
  | 'its exp is missing or not a time'
  | 'its nbf is not a time'
  | 'it has expired'
  | 'it was issued in the future'
  | 'it is not valid yet'
  | 'it is older than the trust allows'
  | 'its life is longer than the trust allows'
  // Conditions.
  | 'the trust has no conditions'
  // Subject.
  | 'its subject cannot be linked'
  | 'its e-mail address is not verified'
  | 'its email_verified is the text "true", not the boolean: the trust does not say email_verified: text_allowed'
  | 'it has no usable e-mail address'
  | 'its e-mail domain is not one of the trust'
  | 'the trust has a fixed subject without conditions that choose its tokens'
  | 'the trust has a fixed subject for more than one surface';

/** The others name a claim as the tenants file does. None holds a value of the token. */
export type SubjectTokenRefusal =
  FixedRefusal | `it does not meet the condition on "${string}"` | `its ${string} cannot be linked`;

const PREFIX = 'the subject token is refused: ';

export function refusedToken(why: SubjectTokenRefusal, cause?: unknown): TesseraError {
  return new TesseraError('unauthorized', `${PREFIX}${why}`, { cause });
}

/** The reason of an error of `refusedToken` without its beginning; the reason of another error as it is. */
export function withoutPrefix(reason: string): string {
  return reason.startsWith(PREFIX) ? reason.slice(PREFIX.length) : reason;
}
