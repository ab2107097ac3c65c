import { type PresentedCredentials, readClientCredentials } from '../../clients/client-credentials.ts';
import type { FormParameters } from '../../domain/text/form-text.ts';
import { parseTenantId, type TenantId } from '../../domain/ids.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import type { RequestInput, TokenRequest } from '../grant.ts';
import { parseScope } from './scope-parameter.ts';
import { parseTarget } from './target-parameter.ts';

/** A request of `POST /tenants/{tenant}/token`. */
export interface TokenFormInput extends RequestInput {
  /** The tenant in the path. */
  readonly tenant: string;
  /** A map of parameters, if it was a form. */
  readonly body: unknown;
  /** Every `Authorization` header. */
  readonly authorization: readonly string[] | undefined;
}

/** What all grants of the token endpoint read. Nothing in it is verified yet. */
export interface TokenForm extends Omit<TokenRequest, 'surface'> {
  readonly tenantId: TenantId;
  readonly presented: PresentedCredentials;
  /** The value of `audience` or `resource`; undefined: the client's own audience. */
  readonly target: string | undefined;
  /** The scopes that are asked for; undefined: all that may be granted. */
  readonly scopes: readonly string[] | undefined;
  readonly parameters: FormParameters;
}

/**
 * Parameters that change what a token is or for whom. One that its grant does not read would be ignored (RFC 6749, section 3.2), and the caller would
 * have another token than was asked for. So it is an error.
 */
const MEANINGFUL: ReadonlySet<string> = new Set([
  'assertion',
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  // Of other grants.
  'auth_req_id',
  'code',
  'code_verifier',
  'device_code',
  'password',
  'redirect_uri',
  'refresh_token',
  'ticket',
  'username',
  // RFC 9396, OpenID Connect Core, RFC 9101, RFC 9449 and what other servers have.
  'acr_values',
  'authorization_details',
  'claims',
  'claim_token',
  'dpop_jkt',
  'max_age',
  'nonce',
  'options',
  'req_cnf',
  'request',
  'request_context',
  'request_details',
  'request_uri',
  'requested_issuer',
  'requested_subject',
  'requested_token_use',
  'subject_issuer',
]);

/**
 * @param own the parameters of the grant
 * @throws TesseraError route_not_found, invalid_request, invalid_client, invalid_scope, invalid_target
 */
export function parseTokenForm(input: TokenFormInput, own: readonly string[]): TokenForm {
  const tenantId = parseTenantId(input.tenant);
  if (tenantId === undefined) throw new TesseraError('route_not_found', 'not a tenant id');
  const parameters = formOf(input.body);
  // The edge keeps the forms that clients send again and again. The grant that reads a form is the one that it names, so it always allows the same.
  const known = wishes.get(parameters);
  if (known === undefined) refuseStray(parameters, own);
  const presented = readClientCredentials(input.authorization, parameters);
  const { target, scopes } = known ?? readWishes(parameters);
  const { projectId, clientId } = presented.claimed;
  return { tenantId, projectId, clientId, presented, target, scopes, parameters };
}

type Wishes = Pick<TokenForm, 'target' | 'scopes'>;

/** Of the forms that were read before. */
const wishes = new WeakMap<FormParameters, Wishes>();

/** @throws TesseraError invalid_request, invalid_scope, invalid_target */
function readWishes(parameters: FormParameters): Wishes {
  const read = { target: parseTarget(parameters), scopes: parseScope(parameters.get('scope')) };
  wishes.set(parameters, read);
  return read;
}

/** @throws TesseraError invalid_request */
function refuseStray(parameters: FormParameters, own: readonly string[]): void {
  for (const name of parameters.keys()) {
    if (MEANINGFUL.has(name) && !own.includes(name))
      throw invalidRequest('a parameter is not supported', `${name} is not supported with this grant_type.`);
  }
}

/** @throws TesseraError invalid_request */
export function formOf(body: unknown): FormParameters {
  if (body instanceof Map) return body as FormParameters;
  throw invalidRequest('the body is no form', 'The body must be application/x-www-form-urlencoded.');
}

/** @throws TesseraError invalid_request */
export function requiredParameter(parameters: FormParameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw invalidRequest('a parameter is missing', `${name} is missing.`);
  return value;
}

export function invalidRequest(reason: string, detail: string): TesseraError {
  return new TesseraError('invalid_request', reason, { detail });
}
