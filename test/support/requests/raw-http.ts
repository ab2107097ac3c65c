import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** All received bytes, as text. */
  readonly text: string;
  readonly ms: number;
}

/** Sends bytes exactly as given, for requests that no client library would send, and reads until the server closes the connection. */
export async function sendRaw(port: number, bytes: string | Buffer, endAfter = false): Promise<RawAnswer> {
  const startedAt = performance.now();
  const socket = await openSocket(port);
  socket.write(bytes);
  if (endAfter) socket.end();
  return readAnswer(socket, startedAt);
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  return socket;
}

/** Reads until the server closes the connection. */
export async function readAnswer(socket: Socket, startedAt = performance.now()): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return { ...parseAnswer(Buffer.concat(chunks).toString('latin1')), ms: performance.now() - startedAt };
}

export function parseAnswer(text: string): Omit<RawAnswer, 'ms'> {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n'), text };
}
