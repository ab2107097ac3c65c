import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Connection, PoolConnection } from 'mysql2';
import { withSignal } from '../../../runtime/deadline.ts';

/** Time limit for the server to close a connection that this side closed. Less than a request waits for a connection. */
const GOODBYE_MS = 500;

/** Resolves when the server has closed the connections. Until then it counts them, so their share of a budget is not free. */
export async function socketsClosed(connections: Iterable<Connection>): Promise<void> {
  const sockets = [...connections].map(socketOf).filter((socket) => !socket.closed);
  if (sockets.length === 0) return;
  const closed = withSignal(GOODBYE_MS, (signal) =>
    Promise.all(sockets.map((socket) => once(socket, 'close', { signal }))),
  );
  await closed.catch(() => undefined);
}

/** Closes the session by the protocol. `end` of a pool connection only returns it to the pool; the typings of mysql2 lack `_realEnd`, which closes it. */
export function endPolitely(connection: PoolConnection): void {
  (connection as PoolConnection & { _realEnd(done: () => void): void })._realEnd(() => undefined);
}

/** The connection's socket. The typings of mysql2 lack `stream`. */
export function socketOf(connection: Connection): Socket {
  return (connection as Connection & { readonly stream: Socket }).stream;
}

/** Destroys the socket. The driver's `destroy` closes only our half, and the server could go on sending. */
export function destroyConnection(connection: Connection): void {
  connection.destroy();
  socketOf(connection).destroy();
}
