import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { refusalOf } from '../../../testing/refusal.ts';
import { Secret } from '../../../config/secret.ts';
import { openMysqlDatabase } from '../mysql-data-source.ts';
import { NO_ENTITIES } from '../../schema.ts';

const LIMIT = 1024 * 1024;

/** A greeting packet of MariaDB 10.11: protocol version 10, thread 7, `mysql_native_password`. */
const GREETING = packet(
  0,
  Buffer.concat([
    Buffer.from('\u000a10.11.6-MariaDB\0', 'latin1'),
    Buffer.from([7, 0, 0, 0]),
    Buffer.from('12345678\0', 'latin1'),
    Buffer.from([0xfe, 0xf7, 45, 2, 0, 0x0f, 0, 21, ...Array<number>(10).fill(0)]),
    Buffer.from('123456789012\0mysql_native_password\0', 'latin1'),
  ]),
);
const OK = packet(2, Buffer.from([0, 0, 0, 2, 0, 0, 0]));

function packet(sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, payload]);
}

/** Packets numbered from 1, so many that the number wraps around. */
function inOrder(payload: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 2560 }, (_, index) => packet((index + 1) % 256, payload)));
}

/** A hostile server: after the phase `after`, it hands the connection to `attack`. */
async function hostileServer(after: 'connect' | 'login', attack: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (after === 'connect') attack(socket);
    else {
      socket.write(GREETING);
      socket.once('data', () => {
        socket.write(OK);
        socket.once('data', () => {
          attack(socket);
        });
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Sends the same bytes as fast as the peer reads them. Resolves to the number of bytes sent when the peer is gone. */
function flood(socket: Socket, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(bytes));
    };
    socket.on('drain', more);
    socket.once('close', () => {
      resolve(socket.bytesWritten);
    });
    more();
  });
}

describe('data from a hostile server', () => {
  const open = ({ port }: AddressInfo) =>
    openMysqlDatabase({
      name: 'tenant database',
      host: '127.0.0.1',
      port,
      database: 'd',
      username: 'u',
      password: new Secret('p'),
      poolSize: 2,
      timeoutMs: 1500,
      dangerouslyAllowPlaintext: false,
      answerLimit: LIMIT,
      schema: NO_ENTITIES,
    });

  it.each([
    ['a greeting without end', 'connect', Buffer.alloc(65_536, 0xff)],
    ['an answer in parts that are joined', 'login', packet(1, Buffer.alloc(0xffffff))],
    ['columns without end', 'login', inOrder(Buffer.from('\u0003def'))],
    ['empty packets without end', 'login', inOrder(Buffer.from([1]))],
  ] as const)('is cut off and the socket destroyed: %s', async (_, after, bytes) => {
    let sent: Promise<number> | undefined;
    const server = await hostileServer(after, (socket) => {
      sent ??= flood(socket, bytes);
    });
    try {
      const refusal = await refusalOf(open(server.address() as AddressInfo));
      expect(refusal.code).toBe('temporarily_unavailable');
      expect(refusal.reason).toMatch(/^tenant database: /);
      // Plus the kernel's socket buffers of both sides.
      expect(await sent).toBeLessThan(LIMIT + 16 * 1024 * 1024 + bytes.length);
    } finally {
      server.close();
    }
  });
});
