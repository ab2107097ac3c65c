import { type Answer, readAnswer } from './answer.ts';
import { sendRaw } from './raw-http.ts';

export interface BearerRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly bearer: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** More than a server reads of a header. The rest would only reach a closed connection. */
const MAX_SENT_BYTES = 65_536;

/**
 * Sends a bearer exactly as given, without a client library that would refuse it first. Fails if the server is down or closes the connection without
 * a response.
 */
export async function askWithBearer(url: string, { method, path, bearer, body }: BearerRequest): Promise<Answer> {
  const content = body === undefined ? '' : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...(content === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(content)}`]),
    `Authorization: Bearer ${bearer}`,
  ];
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${content}`).subarray(0, MAX_SENT_BYTES);
  const raw = await sendRaw(Number(new URL(url).port), bytes);
  if (raw.status === 0) throw new Error(`no response to ${method} ${path}: the server ended the connection`);
  return readAnswer(new Response(raw.body, { status: raw.status, headers: { ...raw.headers } }));
}

/**
 * How a running server refuses a bearer of the attack table. A bearer that no header can hold is refused before any route; all others by the code
 * that reads the bearer.
 */
export function statusOfRefusal(bearer: string): 400 | 401 | 431 {
  // RFC 9110, section 5.5: these make the field invalid.
  if (/[\0\r\n]/.test(bearer)) return 400;
  return bearer.length >= MAX_SENT_BYTES ? 431 : 401;
}
