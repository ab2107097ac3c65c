/** What a revocation names: one token, or all of a subject, a client, a key or a tenant. */
export type RevocationKind = 'token' | 'subject' | 'client' | 'key' | 'tenant';

export interface Revocation {
  readonly issuer: string;
  readonly kind: RevocationKind;
  /** jti, sub, client_id, kid, or `*` for the tenant. */
  readonly id: string;
  /** Epoch seconds. Hits tokens issued up to then; undefined: tokens of any age. */
  readonly before: number | undefined;
  /** Epoch seconds. After it the entry is dropped: by then every token that it hits has expired. */
  readonly until: number;
}
