import { setMaxListeners } from 'node:events';
import { wrongOption } from '@tessera/token/core';
import type { TesseraClientOptions } from '../client-options.ts';
import { prepareClientToken } from './requests/client-token.ts';
import { prepareExchange } from './requests/exchanged-token.ts';
import { preparePersonToken } from './requests/person-token.ts';
import type { PreparedRequest } from './requests/prepared-request.ts';
import { type ProvidedToken, TokenCache } from './token-cache.ts';
import { SYSTEM_CLOCK, type TokenClock } from './token-clock.ts';
import type { ExchangeOptions, TokenOverrides, TokenResponse } from './token-provider-options.ts';
import { parseTokenSettings, type TokenSettings } from './token-settings.ts';
import { tryRepeatedly } from './token-tries.ts';

/** Tokens for outgoing calls. Each is requested once, cached while it is valid, and renewed before it expires. */
export class TesseraTokens {
  readonly #settings: Configured | undefined;
  readonly #clock: TokenClock;
  readonly #closing = new AbortController();

  constructor(settings: TokenSettings | undefined, clock: TokenClock) {
    // Every request and every wait adds a listener. Many at once are not a leak.
    setMaxListeners(0, this.#closing.signal);
    this.#clock = clock;
    this.#settings = settings && {
      settings,
      own: new TokenCache({ ...settings, renewal: 'in the background' }, clock),
      // The subject's token may have ended meanwhile, so nothing is exchanged unless somebody asks for it.
      exchanged: new TokenCache({ ...settings, renewal: 'when asked' }, clock),
    };
  }

  /**
   * The token of the module's options: of a person, or with `grant: 'client_credentials'` of the client itself.
   *
   * @param overrides other values than in the module's options
   * @throws TokenRequestError
   */
  async get(overrides: TokenOverrides = {}): Promise<ProvidedToken> {
    const { settings, own } = this.#configured();
    return this.#provide(settings, own, prepareOwn(settings, overrides));
  }

  /** For `fetch(url, { headers: await tokens.headers() })`. */
  async headers(overrides?: TokenOverrides): Promise<{ authorization: string }> {
    const { accessToken } = await this.get(overrides);
    return { authorization: `Bearer ${accessToken}` };
  }

  /**
   * Exchanges a token that this service was called with for one of the same subject that another service accepts (RFC 8693). The new token names the
   * client of the module's options as its actor. It is kept until shortly before it expires.
   *
   * @param token as sent by the caller, and verified: the guard has done so
   * @throws TokenRequestError
   */
  async exchange(token: string, options: ExchangeOptions = {}): Promise<ProvidedToken> {
    const { settings, exchanged } = this.#configured();
    return this.#provide(settings, exchanged, prepareExchange(settings, token, options));
  }

  /** Drops the cached token. Call it when the other side answered 401. */
  invalidate(overrides: TokenOverrides = {}): void {
    const { settings, own } = this.#configured();
    own.forget(prepareOwn(settings, overrides).key);
  }

  /** Drops an exchanged token: the same for those of `exchange`. */
  invalidateExchanged(token: string, options: ExchangeOptions = {}): void {
    const { settings, exchanged } = this.#configured();
    exchanged.forget(prepareExchange(settings, token, options).key);
  }

  /** Aborts requests and waits. Called when the module is destroyed. */
  close(): void {
    this.#closing.abort();
  }

  #provide(
    { timeoutMs, maxTries }: TokenSettings,
    cache: TokenCache,
    request: PreparedRequest,
  ): Promise<ProvidedToken> {
    const closing = this.#closing.signal;
    const tryOnce = (): Promise<TokenResponse> => request.tryOnce({ nowMs: this.#clock.nowMs(), timeoutMs, closing });
    return cache.get(request.key, () => tryRepeatedly(tryOnce, maxTries, this.#clock, closing));
  }

  #configured(): Configured {
    if (this.#settings === undefined)
      throw wrongOption(
        'tokens',
        'is not among the options',
        "pass tokens: { tenantId, projectId, clientId, emailId }, or { grant: 'client_credentials', tenantId, projectId, clientId, secretId }",
      );
    return this.#settings;
  }
}

interface Configured {
  readonly settings: TokenSettings;
  readonly own: TokenCache;
  readonly exchanged: TokenCache;
}

/** @throws TypeError that ends with the fix */
function prepareOwn(settings: TokenSettings, overrides: TokenOverrides): PreparedRequest {
  return settings.grant === 'person'
    ? preparePersonToken(settings, overrides)
    : prepareClientToken(settings, overrides);
}

/** @throws TypeError that ends with the fix */
export function createTesseraTokens(options: TesseraClientOptions): TesseraTokens {
  return new TesseraTokens(parseTokenSettings(options), SYSTEM_CLOCK);
}
