/**
 * Names one run of one server. A connection's id means something within a run only: another server at the same address has connections with the same
 * ids, and so has this one after a restart.
 */
export type ServerRun = string & { readonly ServerRun: unique symbol };

/**
 * An expression that every server knows and every user may read. First the connection's id. Then what names the run; clones of a server share a part of it:
 * - UUID_SHORT without its counter: the time of the server's start and a part of its number
 * - the end of UUID: a random number that is drawn at the start, and the hardware address
 */
export const SERVER_RUN =
  "CONCAT_WS('|',CONNECTION_ID(),UUID_SHORT()>>24,RIGHT(UUID(),17),CAST(@@hostname AS CHAR),@@port,CAST(@@datadir AS CHAR))";

/**
 * @param read the value of `SERVER_RUN` on the connection
 * @param connectionId from the server's greeting
 * @returns undefined if the two do not belong together: a proxy that speaks the protocol counts connections of its own
 */
export function serverRunOf(read: unknown, connectionId: number): ServerRun | undefined {
  const [, id, run] = /^(\d+)\|(.+)$/s.exec(String(read)) ?? [];
  return Number(id) === connectionId ? (run as ServerRun) : undefined;
}
