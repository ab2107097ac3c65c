import { fetchableUrl, wrongOption } from '../verify/option-rules.ts';
import { baseOf, type KeyLocation } from '../verify/trusted-issuers.ts';

/** Where the revocations of some issuers are fetched from. */
export interface FeedLocation {
  /** `<base URL>/revocations` */
  readonly url: string;
  /** A further query parameter that names the wanted tenants. Empty: the whole feed. */
  readonly filter: string;
  /** `all`: every trusted issuer. */
  readonly issuers: 'all' | readonly string[];
}

/** In characters. Proxies refuse request lines of several kilobytes. With a longer filter the whole feed is read instead. */
const LONGEST_FILTER = 4_000;
/** The server refuses more. */
const MOST_TENANTS = 500;

/**
 * Finds the revocation feeds of the listed issuers: one for each Tessera server, limited to the listed tenants.
 *
 * @param listed empty: all tenants below `feedBaseUrl`
 * @param feedBaseUrl the base URL of the feed for all issuers; undefined: each issuer's own base URL
 * @param isAskedFor whether the options ask for revocations explicitly. If not, issuers with inline keys need no feed, and there is no feed at all
 * when every issuer has inline keys
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
        'has no location to fetch from',
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
  // The filter names tenants. An issuer that does not end in a tenant needs the whole feed.
  if (issuers.some((issuer) => baseOf(issuer) === undefined)) return '';
  const filter = `&tenants=${issuers.map((issuer) => issuer.slice(issuer.lastIndexOf('/') + 1)).join(',')}`;
  return issuers.length > MOST_TENANTS || filter.length > LONGEST_FILTER ? '' : filter;
}
