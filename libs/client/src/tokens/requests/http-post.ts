import { parseStrictJson } from '@tessera/token/core';

export interface PostLimits {
  /** For one try, body included. */
  readonly timeoutMs: number;
  readonly closing: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** Undefined if it is not JSON. */
  readonly body: unknown;
  readonly retryAfterSeconds: number | undefined;
}

// By default the server limits a token to 6 KiB. Problem details are smaller.
const MAX_BYTES = 64 * 1_024;

/** @returns undefined if there was no complete response */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  { timeoutMs, closing }: PostLimits,
): Promise<HttpAnswer | undefined> {
  const abort = new AbortController();
  const end = (): void => {
    abort.abort();
  };
  const timer = setTimeout(end, timeoutMs);
  closing.addEventListener('abort', end);
  if (closing.aborted) end();
  try {
    const response = await fetch(url, {
      method: 'POST',
      // A redirect must not send the secret to another place.
      redirect: 'manual',
      signal: abort.signal,
      headers: { accept: 'application/json', ...headers },
      body,
    });
    const text = await readBounded(response);
    return { status: response.status, body: parse(text), retryAfterSeconds: retryAfter(response) };
  } catch {
    // The platform's error is dropped: it contains the request's URL and the peer's address.
    return undefined;
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', end);
  }
}

/** @returns undefined if it is larger than any response of Tessera */
async function readBounded(response: Response): Promise<string | undefined> {
  if (response.body === null) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parseStrictJson(text, { maxDepth: 8 });
  } catch {
    return undefined;
  }
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1_000));
}
