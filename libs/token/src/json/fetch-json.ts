import type { CloseSignal } from '../runtime/close-signal.ts';
import { parseStrictJson } from './strict-json.ts';

export interface FetchLimits {
  /** For the whole fetch, body included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Aborts the fetch when its owner closes. */
  readonly closing: CloseSignal;
}

export type Answer =
  | { readonly kind: 'json'; readonly value: unknown }
  /** Status 404. */
  | { readonly kind: 'absent' }
  /** Any other outcome. `reason` is a fixed phrase. */
  | { readonly kind: 'failed'; readonly reason: string };

const UTF8 = { fatal: true, ignoreBOM: true } as const;

/**
 * Sends one GET request. Only this function accesses the network. It follows no redirect and bounds time and size. It never rejects, and it settles
 * by the deadline even if the platform's fetch does not.
 */
export async function fetchJson(url: string, limits: FetchLimits): Promise<Answer> {
  if (limits.closing.isClosed) return { kind: 'failed', reason: 'closed' };
  const abort = new AbortController();
  let end: (answer: Answer) => void = () => undefined;
  const ended = new Promise<Answer>((resolve) => {
    end = resolve;
  });
  const removeListener = limits.closing.onClose(() => {
    end({ kind: 'failed', reason: 'closed' });
  });
  const timer = setTimeout(() => {
    end({ kind: 'failed', reason: 'no answer in time' });
  }, limits.timeoutMs);
  timer.unref();
  try {
    return await Promise.race([exchange(url, limits, abort.signal), ended]);
  } finally {
    clearTimeout(timer);
    removeListener();
    // Aborts a fetch that is still running after the deadline or `closing`. After a complete fetch this does nothing.
    abort.abort();
  }
}

async function exchange(url: string, limits: FetchLimits, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal,
      headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    });
    if (response.status === 404) return { kind: 'absent' };
    if (response.status >= 300 && response.status < 400) return { kind: 'failed', reason: 'a redirect' };
    if (response.status !== 200) return { kind: 'failed', reason: 'an error status' };
    const body = await readBounded(response, limits.maxBytes);
    if (body === undefined) return { kind: 'failed', reason: 'too large' };
    const text = new TextDecoder('utf-8', UTF8).decode(body);
    return { kind: 'json', value: parseStrictJson(text, { maxDepth: limits.maxDepth }) };
  } catch {
    // The platform's error is dropped: it contains the URL and the peer's address.
    return { kind: 'failed', reason: 'no usable answer' };
  }
}

async function readBounded(response: Response, maxBytes: number): Promise<Buffer | undefined> {
  if (response.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
