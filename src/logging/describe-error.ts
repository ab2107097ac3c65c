import { join } from 'node:path';
import { INSTALLATION_FOLDER } from '../config/installation-folder.ts';
import { sourcePlace } from './source-place.ts';

const ROOT = join(INSTALLATION_FOLDER, '/');
/** Enough frames to locate an error; more would only be the framework's. */
const FRAMES = 4;

/**
 * Describes an unexpected error for the log: its class, its code if that is a plain word, and its locations in the code. Never its message: those of
 * libraries quote queries, URLs and credentials.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`;
  const code =
    'code' in error && typeof error.code === 'string' && /^[A-Z0-9_]{1,40}$/.test(error.code) ? ` ${error.code}` : '';
  const name = /^[A-Za-z0-9_$]{1,60}$/.test(error.constructor.name) ? error.constructor.name : 'Error';
  return [`${name}${code}`, ...placesIn(error)].join(' < ');
}

/** A message can have lines that look like frames, so it is removed from the stack first. If it is not found there, nothing is shown. */
function placesIn(error: Error): string[] {
  const stack = error.stack ?? '';
  const messageAt = error.message === '' ? 0 : stack.indexOf(error.message);
  if (messageAt === -1) return [];
  return stack
    .slice(messageAt + error.message.length)
    .split('\n')
    .map((line) => /^ {4}at (?:.*\()?(?:file:\/\/)?([^()]*?):(\d+):(\d+)\)?$/.exec(line))
    .filter((frame) => frame !== null)
    .slice(0, FRAMES)
    .map(([, file = '', line, column]) => sourcePlace(file, Number(line), Number(column)))
    .map((place) => (place.startsWith(ROOT) ? place.slice(ROOT.length) : place));
}
