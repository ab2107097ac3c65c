import { Injectable } from '@nestjs/common';
import type { EndpointGrant, GRANT_TYPES } from '../domain/grant-types.ts';
import type { FormParameters } from '../domain/text/form-text.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Grant, TokenRequest } from '../token-grants/grant.ts';
import { ClientCredentialsGrant } from '../token-grants/grants/client-credentials/client-credentials.grant.ts';
import { JwtBearerGrant } from '../token-grants/grants/jwt-bearer/jwt-bearer.grant.ts';
import { TokenExchangeGrant } from '../token-grants/grants/token-exchange/token-exchange.grant.ts';
import { formError } from '../token-grants/token-form/form-response.ts';
import { formOf, invalidRequest, type TokenFormInput } from '../token-grants/token-form/token-form.ts';

/** A grant of the token endpoint, with requests of a type of its own. */
export type OfferedGrant = Grant<TokenRequest, TokenFormInput>;

/** Each grant is there, and is the one of its name. */
type GrantsByName = { readonly [Name in EndpointGrant]: { readonly type: (typeof GRANT_TYPES)[Name] } };

/** The grants of the token endpoint by their `grant_type`. */
@Injectable()
export class OfferedGrants {
  readonly #grants: ReadonlyMap<string, OfferedGrant>;

  constructor(clientCredentials: ClientCredentialsGrant, tokenExchange: TokenExchangeGrant, jwtBearer: JwtBearerGrant) {
    const grants: GrantsByName = {
      client_credentials: clientCredentials,
      'token-exchange': tokenExchange,
      'jwt-bearer': jwtBearer,
    };
    // A grant gets back only the requests that it has parsed.
    this.#grants = new Map(Object.values(grants).map((grant) => [grant.type, grant as unknown as OfferedGrant]));
  }

  /** The grant that a request asks for. For a form that asks for none, it is one whose `parse` refuses. */
  of(body: unknown): OfferedGrant {
    const type = body instanceof Map ? (body as FormParameters).get('grant_type') : undefined;
    return (type === undefined ? undefined : this.#grants.get(type)) ?? refusingGrant(body, type);
  }
}

/** So that a request of no known grant is refused by the same steps as any other. */
function refusingGrant(body: unknown, type: string | undefined): OfferedGrant {
  return {
    name: 'no grant',
    type: undefined,
    parse: () => {
      throw refusal(body, type);
    },
    attemptKey: unreachable,
    authenticate: unreachable,
    respond: unreachable,
    errorOf: formError,
  };
}

function refusal(body: unknown, type: string | undefined): TesseraError {
  formOf(body);
  return type === undefined
    ? invalidRequest('no grant type', 'grant_type is missing.')
    : new TesseraError('unsupported_grant_type', 'unknown grant type');
}

function unreachable(): never {
  throw new TesseraError('server_error', 'a refused request was not refused');
}
