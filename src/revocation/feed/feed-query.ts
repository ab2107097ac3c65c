import { TesseraError } from '../../errors/tessera-error.ts';
import { queryParameter } from '../../http/bodies/query-parameter.ts';
import { parseTenantId, type TenantId } from '../../domain/ids.ts';

export const MAX_WAIT_SECONDS = 20;
/** About the longest value that a request line can hold. */
export const MAX_TENANTS_LENGTH = 8_000;
/** The feed is public, and each waiting request keeps its list in memory. */
const MAX_TENANTS = 500;

export interface FeedQuery {
  /** The last number that the poller knows; 0: none. */
  readonly after: number;
  readonly waitSeconds: number;
  /** The tenants whose revocations are requested; undefined: all. */
  readonly tenants: readonly TenantId[] | undefined;
}

/** @throws TesseraError invalid_request */
export function parseFeedQuery(query: unknown): FeedQuery {
  return {
    after: wholeNumber(query, 'after', Number.MAX_SAFE_INTEGER),
    waitSeconds: wholeNumber(query, 'wait', MAX_WAIT_SECONDS),
    tenants: tenantsOf(queryParameter(query, 'tenants')),
  };
}

function wholeNumber(query: unknown, name: string, max: number): number {
  const text = queryParameter(query, name) ?? '0';
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Infinity;
  if (value > max)
    throw new TesseraError('invalid_request', 'a number in the query is not an integer in its range', {
      detail: `${name} must be a whole number from 0 to ${max}.`,
    });
  return value;
}

function tenantsOf(text: string | undefined): readonly TenantId[] | undefined {
  if (text === undefined) return undefined;
  // Unknown tenants are not an error; they have no revocations.
  const tenants = text.length > MAX_TENANTS_LENGTH ? [] : text.split(',', MAX_TENANTS + 1).map(parseTenantId);
  if (tenants.length === 0 || tenants.length > MAX_TENANTS || tenants.includes(undefined))
    throw new TesseraError('invalid_request', 'tenants in the query are not valid ids', {
      detail: `tenants must be the ids of at most ${MAX_TENANTS} tenants, separated by commas.`,
    });
  return [...new Set(tenants as TenantId[])];
}
