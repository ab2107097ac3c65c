/** What a token that came from an exchange contains about the exchange (RFC 8693, section 4.1). */
export interface TokenExchange {
  /** The client and subject that requested the exchange. */
  readonly actor: { readonly clientId: string; readonly sub: string };
  /** The issuer of the subject token. */
  readonly identityProvider: string;
}
