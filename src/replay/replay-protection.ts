/** Something that proves a caller once and no more. `tokenId` is unique among all of its issuer's; `until`, epoch seconds: from then on nothing lets it through again. */
export interface OneTimeProof {
  readonly issuer: string;
  readonly tokenId: string;
  readonly until: number;
}

/** Remembers what has been used up. One adapter: the control plane, so that all replicas remember together. */
export abstract class ReplayProtection {
  /**
   * Of any number of callers, in any number of processes, one alone is told true. Durable when it resolves.
   *
   * @returns false when it was spent before
   * @throws TesseraError temporarily_unavailable: whether it is spent now is not known
   */
  abstract spend(tenantId: string, proof: OneTimeProof): Promise<boolean>;
}
