/** Where a request came from. Not a part of one is the caller's word. */
export interface RequestOrigin {
  /** The address of the peer, or the one that a trusted proxy gave. */
  readonly source: string;
  /**
   * The address that conditions on networks go by: `source`, or a text that no network contains. Requests that an unlisted proxy forwards have no
   * network, and neither have those of a listed proxy that names no caller.
   */
  readonly network: string;
}
