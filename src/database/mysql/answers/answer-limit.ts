import type { Connection } from 'mysql2';
import type { Socket } from 'node:net';

/** The overhead of a packet: each row and column description becomes an object, however short it is. */
const PACKET_COST = 64;

/** The driver writes a line to standard error for each out-of-order packet. The high cost keeps a server from filling the disk. */
const OUT_OF_ORDER_COST = 64 * 1024;

/** Internals of mysql2's connection that this file uses. The typings lack them. */
interface DriverConnection {
  /** Replaced by another one when TLS starts. */
  readonly stream: Socket;
  /** The number of the next packet. */
  readonly sequenceId: number;
  packetParser: Pick<DriverParser, 'execute'>;
}

interface DriverParser {
  execute(chunk: Uint8Array): void;
  onPacket: (packet: { readonly sequenceId: number }) => void;
}

/**
 * Limits how much one connection may load into memory. It reads the socket before the driver does, because the driver collects packet parts, rows and
 * columns for as long as a server sends them. It applies to every phase, the greeting included: whoever controls a database may also control its
 * server.
 *
 * A connection that exceeds its limit or sends invalid data is destroyed. A connection that is only closed would go on receiving.
 */
export class AnswerLimit {
  readonly #limit: number;
  readonly #connection: DriverConnection;
  #left: number;

  /** @param limit bytes, plus 64 for each packet, counted from now or from the last `restart` */
  constructor(connection: Connection, limit: number) {
    this.#connection = connection as unknown as DriverConnection;
    this.#limit = limit;
    this.#left = limit;
    const parser = this.#connection.packetParser as DriverParser | undefined;
    // Fail with a driver version whose internals differ, rather than run without the limit.
    if (typeof parser?.execute !== 'function' || typeof parser.onPacket !== 'function')
      throw new Error('mysql2 has no packet parser where the supported version has one');
    const onPacket = parser.onPacket.bind(parser);
    parser.onPacket = (packet) => {
      const isInOrder = packet.sequenceId === this.#connection.sequenceId;
      if (this.#spend(isInOrder ? PACKET_COST : OUT_OF_ORDER_COST)) onPacket(packet);
    };
    this.#connection.packetParser = {
      execute: (chunk) => {
        if (!this.#spend(chunk.length)) return;
        try {
          parser.execute(chunk);
        } catch {
          this.#destroy('ANSWER_MALFORMED');
        }
      },
    };
  }

  /** Call before each statement, or before a transaction whose statements share the limit. */
  restart(): void {
    this.#left = this.#limit;
  }

  #spend(cost: number): boolean {
    this.#left -= cost;
    if (this.#left >= 0) return true;
    this.#destroy('ANSWER_TOO_LARGE');
    return false;
  }

  #destroy(code: 'ANSWER_TOO_LARGE' | 'ANSWER_MALFORMED'): void {
    const { stream } = this.#connection;
    if (!stream.destroyed) stream.destroy(Object.assign(new Error(code), { code }));
  }
}
