import type { Connection } from 'mysql2';
import type { Socket } from 'node:net';

/** What a packet costs beside its bytes: a row, or the description of a column, becomes an object however short it is. */
const PACKET_COST = 64;

/** The driver writes a line on standard error for each packet that is out of its order: a server does not fill a disk with them. */
const OUT_OF_ORDER_COST = 64 * 1024;

/** What this file uses of mysql2's connection; its typings leave it out. */
interface DriverConnection {
  /** Another one once TLS has begun. */
  readonly stream: Socket;
  /** Of the packet that comes next. */
  readonly sequenceId: number;
  packetParser: Pick<DriverParser, 'execute'>;
}

interface DriverParser {
  execute(chunk: Uint8Array): void;
  onPacket: (packet: { readonly sequenceId: number }) => void;
}

/**
 * Bounds what one connection may bring into memory. It reads ahead of the driver, which joins parts of a packet, rows and columns for
 * as long as a server sends them; and it stands before every phase, the greeting included. Whoever controls a database may also
 * control its server.
 *
 * A connection that passes its bound, or sends what cannot be parsed, is destroyed: a closed one would go on receiving.
 */
export class AnswerLimit {
  readonly #limit: number;
  readonly #connection: DriverConnection;
  #left: number;

  /** @param limit bytes, with 64 more for each packet, from here or from the last `restart` on */
  constructor(connection: Connection, limit: number) {
    this.#connection = connection as unknown as DriverConnection;
    this.#limit = limit;
    this.#left = limit;
    const parser = this.#connection.packetParser as DriverParser | undefined;
    // Another version of the driver must not go on without a bound.
    if (typeof parser?.execute !== 'function' || typeof parser.onPacket !== 'function')
      throw new Error('mysql2 has no parser of packets where this version had one');
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

  /** Before each statement, or before a transaction whose statements share the bound. */
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
