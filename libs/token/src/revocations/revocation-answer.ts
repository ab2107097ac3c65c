import type { Revocation, RevocationKind } from './revocation.ts';

/** An entry as the feed has it. */
export interface FeedEntry extends Revocation {
  /** How many earlier entries it stands for: whoever starts anew does not get them any more. */
  readonly replaces: number;
}

/** One answer of `GET /revocations`. */
export interface RevocationAnswer {
  readonly sequence: number;
  readonly revocations: readonly FeedEntry[];
  /** Ask again at once, there is more. */
  readonly more: boolean;
  /** What was known before is void. */
  readonly reset: boolean;
}

const KINDS: readonly string[] = ['token', 'subject', 'client', 'key', 'tenant'] satisfies RevocationKind[];

/**
 * @param after the sequence that was asked from
 * @returns undefined for anything that is not such an answer; a half-understood list of revocations is worse than a stale one
 */
export function parseRevocationAnswer(value: unknown, after: number): RevocationAnswer | undefined {
  if (!isObject(value)) return undefined;
  const { sequence, entries, more, reset } = value;
  if (!isWhole(sequence) || !Array.isArray(entries) || typeof more !== 'boolean') return undefined;
  if (reset !== undefined && typeof reset !== 'boolean') return undefined;
  if (reset !== true && sequence < after) return undefined;
  // Would be asked for ever.
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
