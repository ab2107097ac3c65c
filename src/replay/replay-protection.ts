/** Credentials that can be redeemed for one token only. */
export interface OneTimeProof {
  readonly issuer: string;
  /** Unique among all tokens of the issuer. */
  readonly tokenId: string;
  /** Epoch seconds. From then on the credentials are refused for their age. */
  readonly until: number;
}

/** Records redeemed credentials. Its only adapter uses the control plane, so that all replicas share the records. */
export abstract class ReplayProtection {
  /**
   * Exactly one caller gets `true`, among any number of concurrent callers and processes. Durable when it resolves.
   *
   * @returns false if the credentials were redeemed before
   * @throws TesseraError temporarily_unavailable: it is unknown whether the credentials are redeemed now
   */
  abstract redeem(tenantId: string, proof: OneTimeProof): Promise<boolean>;
}
