import type { CloseSignal } from '../runtime/close-signal.ts';
import type { MonotonicClock } from '../runtime/monotonic-clock.ts';
import { RevocationFeed } from './revocation-feed.ts';
import { TokenError } from '../verify/token-error.ts';
import type { VerifiedToken } from '../verify/verified-token.ts';
import type { FeedSettings, VerifierSettings } from '../verify/verifier-settings.ts';

/** Per feed. A list of this size takes about 100 MB. */
const MAX_ENTRIES = 1_000_000;

/** The last check of verification. */
export interface RevocationCheck {
  /**
   * Starts the feed of the issuer if needed. Called early, so that waiting for the feed and waiting for keys overlap. Never rejects.
   *
   * @returns undefined if there is nothing to wait for
   */
  ready(issuer: string): Promise<void> | undefined;
  /** Reads all feeds now. Rejects if one was never read completely, or with `whenStale: 'refuse'` if one is stale. */
  hydrate(): Promise<void>;
  /** @throws TokenError `TOKEN_REVOKED`, `REVOCATIONS_STALE` */
  check(token: VerifiedToken): void;
  /**
   * @param token checks the feed of its issuer; undefined: all feeds
   * @throws TokenError `REVOCATIONS_STALE`
   */
  demandFresh(token: VerifiedToken | undefined): void;
}

export function createRevocationCheck(
  settings: VerifierSettings,
  isTrusted: (issuer: string) => boolean,
  clock: MonotonicClock,
  closing: CloseSignal,
): RevocationCheck {
  const { revocations } = settings;
  switch (revocations.kind) {
    case 'off':
      return {
        ready: () => undefined,
        hydrate: () => Promise.resolve(),
        check: () => undefined,
        demandFresh: refuseStale,
      };
    case 'source':
      return {
        ready: () => undefined,
        hydrate: () => Promise.resolve(),
        check: (token) => {
          askSource(revocations.source, token);
        },
        demandFresh: () => undefined,
      };
    case 'feeds':
      return new FeedCheck(settings, revocations, isTrusted, clock, closing);
  }
}

/** One feed for each trusted Tessera. A token is checked against the feed of its issuer only, so that no other server can delay or revoke it. */
class FeedCheck implements RevocationCheck {
  readonly #feeds: readonly RevocationFeed[];
  readonly #feedOf: (issuer: string) => RevocationFeed | undefined;
  readonly #isStaleRefused: boolean;

  constructor(
    settings: VerifierSettings,
    { locations, maxStaleSeconds, whenStale }: FeedSettings,
    isTrusted: (issuer: string) => boolean,
    clock: MonotonicClock,
    closing: CloseSignal,
  ) {
    const byIssuer = new Map<string, RevocationFeed>();
    let feedOfAll: RevocationFeed | undefined;
    this.#feeds = locations.map(({ url, filter, issuers }) => {
      const feed = new RevocationFeed(
        {
          url,
          filter,
          maxStaleMs: maxStaleSeconds * 1_000,
          maxEntries: MAX_ENTRIES,
          timeoutMs: settings.keys.timeoutMs,
          longestPauseMs: settings.keys.cooldownMs,
          nowSeconds: settings.nowSeconds,
          isFollowed: issuers === 'all' ? isTrusted : (issuer) => issuers.includes(issuer),
        },
        clock,
        closing,
      );
      if (issuers === 'all') feedOfAll = feed;
      else for (const issuer of issuers) byIssuer.set(issuer, feed);
      return feed;
    });
    this.#feedOf = (issuer) => feedOfAll ?? byIssuer.get(issuer);
    this.#isStaleRefused = whenStale === 'refuse';
  }

  ready(issuer: string): Promise<void> | undefined {
    return this.#feedOf(issuer)?.ready();
  }

  async hydrate(): Promise<void> {
    await Promise.all(this.#feeds.map(async (feed) => feed.ready(true)));
    for (const feed of this.#feeds) this.#demandUsable(feed);
  }

  check(token: VerifiedToken): void {
    const feed = this.#feedOf(token.issuer);
    // An issuer with inline keys may have no feed.
    if (feed === undefined) return;
    if (feed.hits(token)) throw revoked();
    this.#demandUsable(feed);
  }

  demandFresh(token: VerifiedToken | undefined): void {
    const feeds = token === undefined ? this.#feeds : [this.#feedOf(token.issuer)];
    for (const feed of feeds) if (feed?.isFresh !== true) refuseStale();
  }

  #demandUsable(feed: RevocationFeed): void {
    if (!feed.isKnown) throw new TokenError('REVOCATIONS_STALE', 'the list of revocations was never read completely');
    if (this.#isStaleRefused && !feed.isFresh) refuseStale();
  }
}

function askSource(source: { isRevoked(token: VerifiedToken): boolean }, token: VerifiedToken): void {
  let isRevoked: boolean;
  try {
    isRevoked = source.isRevoked(token);
  } catch {
    throw new TokenError('REVOCATIONS_STALE', 'the source of revocations failed');
  }
  // Anything but `false` counts as revoked, also a promise returned by mistake.
  if ((isRevoked as unknown) !== false) throw revoked();
}

function revoked(): TokenError {
  return new TokenError('TOKEN_REVOKED', 'the token is on the list of revocations');
}

function refuseStale(): never {
  throw new TokenError('REVOCATIONS_STALE', 'no answer from the feed of revocations for too long');
}
