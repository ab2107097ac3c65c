import { type Revocation, REVOCATION_KINDS, type RevocationKind } from './revocation.ts';

/** An entry of the feed. */
export interface FeedEntry extends Revocation {
  /** How many earlier entries it replaces. The server no longer sends those to a poller that starts from the beginning. */
  readonly replaces: number;
}

/** One response of `GET /revocations`. */
export interface RevocationAnswer {
  readonly sequence: number;
  readonly revocations: readonly FeedEntry[];
  /** There are more entries: ask again immediately. */
  readonly more: boolean;
  /** Drop everything known before. */
  readonly reset: boolean;
}

const KINDS: readonly string[] = REVOCATION_KINDS;

/**
 * @param after the sequence that the request named
 * @returns undefined unless every entry is well formed: a partly understood list of revocations is worse than a stale one
 */
export function parseRevocationAnswer(value: unknown, after: number): RevocationAnswer | undefined {
  if (!isObject(value)) return undefined;
  const { sequence, entries, more, reset } = value;
  if (!isWhole(sequence) || !Array.isArray(entries) || typeof more !== 'boolean') return undefined;
  if (reset !== undefined && typeof reset !== 'boolean') return undefined;
  if (reset !== true && sequence < after) return undefined;
  // A page that promises more without any progress would be polled forever.
  if (more && reset !== true && sequence === after) return undefined;
  const revocations: FeedEntry[] = [];
  for (const entry of entries as readonly unknown[]) {
    const revocation = parseEntry(entry);
    if (revocation === undefined) return undefined;
    if (revocation !== 'of a later version') revocations.push(revocation);
  }
  return { sequence, revocations, more, reset: reset === true };
}

function parseEntry(entry: unknown): FeedEntry | 'of a later version' | undefined {
  if (!isObject(entry)) return undefined;
  const { seq, iss, kind, id, before, until, replaces = 0 } = entry;
  if (!isWhole(seq) || typeof iss !== 'string' || typeof kind !== 'string' || typeof id !== 'string') return undefined;
  if (!isWhole(until) || (before !== undefined && !isWhole(before)) || !isWhole(replaces)) return undefined;
  if (!KINDS.includes(kind)) return 'of a later version';
  return { issuer: iss, kind: kind as RevocationKind, id, before, until, replaces };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
