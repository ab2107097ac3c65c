/**
 * What a revocation names: one token, or all of a subject, a client, a key or a tenant, or with `chain` everything that was exchanged from one token.
 * `RevocationColumns` stores the number of a kind, so a new kind goes to the end.
 */
export const REVOCATION_KINDS = Object.freeze(['token', 'subject', 'client', 'key', 'tenant', 'chain'] as const);
export type RevocationKind = (typeof REVOCATION_KINDS)[number];

export interface Revocation {
  readonly issuer: string;
  readonly kind: RevocationKind;
  /** jti, sub, client_id, kid, `*` for the tenant, or the jti of the first token of a chain. */
  readonly id: string;
  /** Epoch seconds. Hits tokens issued up to then; undefined: tokens of any age. */
  readonly before: number | undefined;
  /** Epoch seconds. After it the entry is dropped: by then every token that it hits has expired. */
  readonly until: number;
}
