/** Where a request came from. No field is taken from what the caller claims. */
export interface RequestOrigin {
  /** The address of the peer, or the address that a trusted proxy forwarded. */
  readonly source: string;
  /**
   * The address that network conditions are checked against: `source`, or a text that no network contains. Requests forwarded by an unlisted proxy
   * belong to no network. Neither do those of a listed proxy that names no caller.
   */
  readonly network: string;
}
