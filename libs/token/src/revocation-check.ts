import type { Closing } from './closing.ts';
import type { MonotonicClock } from './monotonic-clock.ts';
import { RevocationFeed } from './revocation-feed.ts';
import { TokenError } from './token-error.ts';
import type { VerifiedToken } from './verified-token.ts';
import type { VerifierSettings } from './verifier-settings.ts';

/** What verification asks after everything else holds. */
export interface RevocationCheck {
  /** Called early, so that waiting for a first answer and for keys overlap. Never rejects; undefined where there is nothing to wait for. */
  ready(): Promise<void> | undefined;
  /** @throws TokenError `TOKEN_REVOKED`, `REVOCATIONS_STALE` */
  check(token: VerifiedToken): void;
  /** @throws TokenError `REVOCATIONS_STALE` */
  demandFresh(): void;
}

export function createRevocationCheck(
  settings: VerifierSettings,
  isTrusted: (issuer: string) => boolean,
  clock: MonotonicClock,
  closing: Closing,
): RevocationCheck {
  const { revocations } = settings;
  switch (revocations.kind) {
    case 'off':
      return { ready: () => undefined, check: () => undefined, demandFresh: refuseStale };
    case 'source':
      return {
        ready: () => undefined,
        check: (token) => {
          askSource(revocations.source, token);
        },
        demandFresh: () => undefined,
      };
    case 'feed': {
      const feed = new RevocationFeed(
        {
          url: revocations.url,
          maxStaleMs: revocations.maxStaleSeconds * 1_000,
          timeoutMs: settings.keys.timeoutMs,
          longestPauseMs: settings.keys.cooldownMs,
          nowSeconds: settings.nowSeconds,
          isTrusted,
        },
        clock,
        closing,
      );
      return {
        ready: () => feed.ready(),
        check: (token) => {
          if (feed.hits(token)) throw revoked();
          if (revocations.whenStale === 'refuse' && !feed.isFresh) refuseStale();
        },
        demandFresh: () => {
          if (!feed.isFresh) refuseStale();
        },
      };
    }
  }
}

function askSource(source: { isRevoked(token: VerifiedToken): boolean }, token: VerifiedToken): void {
  let isRevoked: boolean;
  try {
    isRevoked = source.isRevoked(token);
  } catch {
    throw new TokenError('REVOCATIONS_STALE', 'the source of revocations failed');
  }
  // Anything but a clear no is a yes: a promise by mistake, too.
  if ((isRevoked as unknown) !== false) throw revoked();
}

function revoked(): TokenError {
  return new TokenError('TOKEN_REVOKED', 'the token is on the list of revocations');
}

function refuseStale(): never {
  throw new TokenError('REVOCATIONS_STALE', 'no answer from the feed of revocations for too long');
}
