/** Credentials that are good for one token. */
export interface OneTimeProof {
  readonly issuer: string;
  /** Unique among all tokens of the issuer. */
  readonly tokenId: string;
  /** Epoch seconds. From then on the credentials are refused for their age. */
  readonly until: number;
}

/** Records redeemed proofs. Its only adapter uses the control plane, so that all replicas share the records. */
export abstract class ReplayProtection {
  /**
   * Exactly one caller gets `true`, among any number of concurrent callers and processes. Durable when it resolves.
   *
   * @returns false if it was redeemed before
   * @throws TesseraError temporarily_unavailable: whether it is redeemed now is unknown
   */
  abstract redeem(tenantId: string, proof: OneTimeProof): Promise<boolean>;
}
