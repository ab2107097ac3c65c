import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Enough frames to find the place; more would only be the framework's. */
const FRAMES = 4;

/**
 * Where an unexpected error came from, fit for a log: its class, its code if that is a plain word, and the places in the code. Never its message, which
 * in foreign errors quotes queries, URLs and credentials.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`;
  const code =
    'code' in error && typeof error.code === 'string' && /^[A-Z0-9_]{1,40}$/.test(error.code) ? ` ${error.code}` : '';
  const name = /^[A-Za-z0-9_$]{1,60}$/.test(error.constructor.name) ? error.constructor.name : 'Error';
  return [`${name}${code}`, ...placesIn(error)].join(' < ');
}

/** A message can have lines that look like frames, so it is cut off first; when it is not found, nothing is shown. */
function placesIn(error: Error): string[] {
  const stack = error.stack ?? '';
  const messageAt = error.message === '' ? 0 : stack.indexOf(error.message);
  if (messageAt === -1) return [];
  return stack
    .slice(messageAt + error.message.length)
    .split('\n')
    .map((line) => /^ {4}at (?:.*\()?(?:file:\/\/)?([^()]*?:\d+):\d+\)?$/.exec(line)?.[1])
    .filter((place) => place !== undefined)
    .slice(0, FRAMES)
    .map((place) => (place.startsWith(ROOT) ? place.slice(ROOT.length) : place));
}
