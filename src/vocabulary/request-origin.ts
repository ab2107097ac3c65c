/** Where a request came from. Not a part of one is the caller's word. */
export interface RequestOrigin {
  /** The address of the peer, or the one that a trusted proxy gave. */
  readonly source: string;
  /**
   * The address that conditions on networks go by: `source`, but one that no network contains for what somebody passes on whom nobody told us
   * to trust. A proxy on this machine makes every stranger look like loopback, one in a client's network makes them look like the client.
   */
  readonly network: string;
}
