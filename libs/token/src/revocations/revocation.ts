/** What a revocation names: one token, or all of a subject, a client, a key or a tenant. */
export type RevocationKind = 'token' | 'subject' | 'client' | 'key' | 'tenant';

export interface Revocation {
  readonly issuer: string;
  readonly kind: RevocationKind;
  /** jti, sub, client_id, kid, or `*` for the tenant. */
  readonly id: string;
  /** Hits tokens issued up to then, epoch seconds; undefined: all. */
  readonly before: number | undefined;
  /** Forgotten after it, epoch seconds: by then every token that it hits is dead. */
  readonly until: number;
}
