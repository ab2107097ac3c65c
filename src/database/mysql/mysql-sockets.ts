import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Connection, PoolConnection } from 'mysql2';
import { withSignal } from '../../runtime/deadline.ts';

/** How long a server may take to close a connection that we closed. Less than a request waits for a connection. */
const GOODBYE_MS = 500;

/**
 * A server counts a connection until it has seen the goodbye, and may have many to see: until then the connection's share in a budget
 * is not free.
 */
export async function socketsClosed(connections: Iterable<Connection>): Promise<void> {
  const sockets = [...connections].map(socketOf).filter((socket) => !socket.closed);
  const closed = withSignal(GOODBYE_MS, (signal) =>
    Promise.all(sockets.map((socket) => once(socket, 'close', { signal }))),
  );
  await closed.catch(() => undefined);
}

/** Ends the session. The `end` of a connection in a pool gives it back instead; the typings of mysql2 leave the real one out. */
export function endPolitely(connection: PoolConnection): void {
  (connection as PoolConnection & { _realEnd(done: () => void): void })._realEnd(() => undefined);
}

/** The typings of mysql2 leave it out. */
export function socketOf(connection: Connection): Socket {
  return (connection as Connection & { readonly stream: Socket }).stream;
}

/** The driver's own closes our half alone: the server could go on sending. */
export function destroyConnection(connection: Connection): void {
  connection.destroy();
  socketOf(connection).destroy();
}
