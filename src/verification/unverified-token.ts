import { parseCompactToken, type ParsedToken, TokenError } from '@tessera/token/core';
import type { TenantId } from '../domain/ids.ts';
import { tenantOfIssuer } from '../domain/issuer.ts';
import { PresentedToken } from '../domain/presented-token.ts';

/** A token of the strict form that names a tenant of this service as its issuer. Nothing in it is verified: it only selects the tenant whose keys to use. */
export class UnverifiedToken extends PresentedToken {
  readonly tenantId: TenantId;
  readonly #parsed: ParsedToken;

  private constructor(text: string, parsed: ParsedToken, tenantId: TenantId) {
    super(text);
    this.#parsed = parsed;
    this.tenantId = tenantId;
  }

  /** @throws TokenError `TOKEN_ISSUER_UNTRUSTED` for another issuer, any other code for another form */
  static parse(publicUrl: string, text: string): UnverifiedToken {
    const parsed = parseCompactToken(text);
    const tenantId = tenantOfIssuer(publicUrl, parsed.claims['iss']);
    if (tenantId === undefined) throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not a tenant of this service');
    return new UnverifiedToken(text, parsed, tenantId);
  }

  /** The parsed token, for the verifier and for code that needs the client that the token names. */
  static parsed(token: UnverifiedToken): ParsedToken {
    return token.#parsed;
  }
}
