import { fetchableUrl, wrongOption } from '../verify/option-rules.ts';
import { baseOf, type KeyLocation } from '../verify/trusted-issuers.ts';

/** Where the revocations of some issuers come from. */
export interface FeedLocation {
  /** `<base URL>/revocations` */
  readonly url: string;
  /** What the server is asked to send, as a further parameter; empty: everything. */
  readonly filter: string;
  /** `all`: every issuer that is trusted. */
  readonly issuers: 'all' | readonly string[];
}

/** Proxies refuse request lines of more than some kilobytes: past it the whole feed is read. */
const LONGEST_FILTER = 4_000;
/** The server's own bound. */
const MOST_TENANTS = 500;

/**
 * One feed for each Tessera behind the listed issuers, which sends the revocations of these tenants alone.
 *
 * @param listed empty: all tenants below `feedBaseUrl`
 * @param feedBaseUrl where the feed is, whatever the issuers are called
 * @param isAskedFor false: issuers whose keys the options hold do without, and none is followed when that are all
 * @throws TypeError that ends with the fix
 */
export function locateFeeds(
  listed: readonly KeyLocation[],
  feedBaseUrl: string | undefined,
  isAskedFor: boolean,
  isHttpAllowed: boolean,
): readonly FeedLocation[] {
  if (feedBaseUrl !== undefined) {
    const issuers = listed.map(({ issuer }) => issuer);
    return [locate(feedBaseUrl, issuers.length === 0 ? 'all' : issuers, isHttpAllowed)];
  }
  if (!isAskedFor && listed.every(({ keys }) => keys !== undefined)) return [];
  const byBase = new Map<string, string[]>();
  for (const { issuer, keys } of listed) {
    const base = baseOf(issuer);
    if (base !== undefined) byBase.set(base, [...(byBase.get(base) ?? []), issuer]);
    else if (isAskedFor || keys === undefined)
      throw wrongOption(
        'revocations',
        'has no place to be fetched from',
        "pass issuers that end in /tenants/<id>, fetchBaseUrl, a source or revocations: 'off'",
      );
  }
  return [...byBase].map(([base, issuers]) => locate(base, issuers, isHttpAllowed));
}

function locate(base: string, issuers: FeedLocation['issuers'], isHttpAllowed: boolean): FeedLocation {
  const url = `${fetchableUrl('revocations', base, isHttpAllowed)}/revocations`;
  return { url, filter: issuers === 'all' ? '' : filterOf(issuers), issuers };
}

function filterOf(issuers: readonly string[]): string {
  // Without a tenant in its name an issuer can only be found in the whole feed.
  if (issuers.some((issuer) => baseOf(issuer) === undefined)) return '';
  const filter = `&tenants=${issuers.map((issuer) => issuer.slice(issuer.lastIndexOf('/') + 1)).join(',')}`;
  return issuers.length > MOST_TENANTS || filter.length > LONGEST_FILTER ? '' : filter;
}
