import { TokenError } from '@tessera/token/core';
import type { FormParameters } from '../../../domain/text/form-text.ts';
import { PresentedToken } from '../../../domain/presented-token.ts';
import { UnverifiedToken } from '../../../verification/unverified-token.ts';
import {
  invalidRequest,
  parseTokenForm,
  requiredParameter,
  type TokenForm,
  type TokenFormInput,
} from '../../token-form/token-form.ts';

/** A request of RFC 8693. Nothing in it is verified yet. */
export interface TokenExchangeRequest extends TokenForm {
  /** What the subject token says. Verification refuses a token of another surface. */
  readonly surface: 'user' | 'service';
  readonly subjectToken: PresentedToken;
  readonly actorToken: PresentedToken | undefined;
}

export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';

const PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
] as const;

/** @throws TesseraError as `parseTokenForm` */
export function parseTokenExchange(publicUrl: string, input: TokenFormInput): TokenExchangeRequest {
  const form = parseTokenForm(input, PARAMETERS);
  const { parameters } = form;
  const subject = requiredParameter(parameters, 'subject_token');
  tokenType(requiredParameter(parameters, 'subject_token_type'), 'subject_token_type');
  const requested = parameters.get('requested_token_type');
  if (requested !== undefined && requested !== ACCESS_TOKEN_TYPE)
    throw invalidRequest('another token type is requested', `requested_token_type must be ${ACCESS_TOKEN_TYPE}.`);
  const { token, surface } = subjectTokenOf(publicUrl, subject);
  return { ...form, surface, subjectToken: token, actorToken: actorTokenOf(parameters) };
}

function tokenType(value: string, name: string): void {
  if (value !== ACCESS_TOKEN_TYPE && value !== JWT_TYPE)
    throw invalidRequest('a token type is not supported', `${name} must be ${ACCESS_TOKEN_TYPE} or ${JWT_TYPE}.`);
}

/** RFC 8693, section 2.1: the type is required with the token, and must not be there without it. */
function actorTokenOf(parameters: FormParameters): PresentedToken | undefined {
  const token = parameters.get('actor_token');
  if (token !== undefined) {
    tokenType(requiredParameter(parameters, 'actor_token_type'), 'actor_token_type');
    return new PresentedToken(token);
  }
  if (parameters.has('actor_token_type'))
    throw invalidRequest('an actor token type without a token', 'actor_token_type is there without actor_token.');
  return undefined;
}

/** A malformed token is refused when it is verified: after the client, so that it tells nothing to others. */
function subjectTokenOf(
  publicUrl: string,
  text: string,
): { readonly token: PresentedToken; readonly surface: 'user' | 'service' } {
  try {
    const token = UnverifiedToken.parse(publicUrl, text);
    const { claims } = UnverifiedToken.parsed(token);
    return { token, surface: claims['surface'] === 'service' ? 'service' : 'user' };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { token: new PresentedToken(text), surface: 'user' };
  }
}
