/**
 * A subject token or other proof that may be redeemed once. `tokenId` is unique within the issuer. From `until` (epoch seconds) on, the proof is
 * refused without its record.
 */
export interface OneTimeProof {
  readonly issuer: string;
  readonly tokenId: string;
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
  abstract spend(tenantId: string, proof: OneTimeProof): Promise<boolean>;
}
