import { TesseraError } from '../errors/tessera-error.ts';
import { queryParameter } from '../http/query-parameter.ts';

export const MAX_WAIT_SECONDS = 20;

export interface FeedQuery {
  /** The last number that the follower knows; 0: none. */
  readonly after: number;
  readonly waitSeconds: number;
}

/** @throws TesseraError invalid_request */
export function parseFeedQuery(query: unknown): FeedQuery {
  return {
    after: wholeNumber(query, 'after', Number.MAX_SAFE_INTEGER),
    waitSeconds: wholeNumber(query, 'wait', MAX_WAIT_SECONDS),
  };
}

function wholeNumber(query: unknown, name: string, max: number): number {
  const text = queryParameter(query, name) ?? '0';
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Infinity;
  if (value > max)
    throw new TesseraError('invalid_request', 'a number of the query is none', {
      detail: `${name}: a whole number from 0 to ${max}`,
    });
  return value;
}
