import { setMaxListeners } from 'node:events';
import { wrongOption } from '@tessera/token/core';
import type { TesseraClientOptions } from '../client-options.ts';
import { isTokenResponse, requestToken } from './token-endpoint.ts';
import type { TokenRequest, TokenResponse } from './token-provider-options.ts';
import { TokenRequestError } from './token-request-error.ts';
import { parseTokenSettings, type TokenSettings } from './token-settings.ts';

export interface ProvidedToken {
  readonly accessToken: string;
  /** Epoch seconds, by this machine's clock and the response's `expires_in`. */
  readonly expiresAt: number;
}

/** The clock for ages and waits. */
export interface TokenClock {
  nowMs(): number;
  monotonicMs(): number;
  /** Rejects when `closing` aborts. */
  sleep(ms: number, closing: AbortSignal): Promise<void>;
}

interface Entry {
  token: { readonly provided: ProvidedToken; readonly refreshAtMs: number; readonly deadAtMs: number } | undefined;
  inFlight: Promise<ProvidedToken> | undefined;
  /** The earliest time of the next refresh, set after a failed one. */
  nextRefreshAtMs: number;
}

// The longest that a server's Retry-After can delay a caller.
const LONGEST_WAIT_MS = 10_000;
const WAIT_MS = 1_000;

/** Tokens for outgoing calls. Each is requested once, cached while it is valid, and renewed before it expires. */
export class TesseraTokens {
  readonly #settings: TokenSettings | undefined;
  readonly #clock: TokenClock;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();

  constructor(settings: TokenSettings | undefined, clock: TokenClock) {
    // Every request and every wait adds a listener. Many at once are not a leak.
    setMaxListeners(0, this.#closing.signal);
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * @param overrides another tenant, project, client, e-mail address, surface or URL than in the module's options
   * @throws TokenRequestError
   */
  async get(overrides: Partial<TokenRequest> = {}): Promise<ProvidedToken> {
    const settings = this.#configured();
    const request = { ...settings.request, ...definedOf(overrides) };
    const entry = this.#entry(request, settings);
    const now = this.#clock.monotonicMs();
    const { token } = entry;
    if (token === undefined || now >= token.deadAtMs) return this.#refresh(entry, request, settings);
    if (now >= token.refreshAtMs && now >= entry.nextRefreshAtMs)
      // The old token is still valid. If renewing keeps failing, the error shows when it has expired.
      this.#refresh(entry, request, settings).catch(() => undefined);
    return token.provided;
  }

  /** For `fetch(url, { headers: await tokens.headers() })`. */
  async headers(overrides?: Partial<TokenRequest>): Promise<{ authorization: string }> {
    const { accessToken } = await this.get(overrides);
    return { authorization: `Bearer ${accessToken}` };
  }

  /** Drops the cached token. Call it when the other side answered 401. */
  invalidate(overrides: Partial<TokenRequest> = {}): void {
    const settings = this.#configured();
    const entry = this.#entries.get(keyOf({ ...settings.request, ...definedOf(overrides) }));
    if (entry !== undefined) entry.token = undefined;
  }

  /** Aborts requests and waits. Called when the module is destroyed. */
  close(): void {
    this.#closing.abort();
  }

  #configured(): TokenSettings {
    if (this.#settings === undefined)
      throw wrongOption(
        'tokens',
        'is not among the options',
        'pass tokens: { tenantId, projectId, clientId, emailId }',
      );
    return this.#settings;
  }

  /** Makes the entry the most recently used one, and evicts the least recently used one when there are too many. */
  #entry(request: TokenRequest, { maxCached }: TokenSettings): Entry {
    const key = keyOf(request);
    const entry = this.#entries.get(key) ?? { token: undefined, inFlight: undefined, nextRefreshAtMs: -Infinity };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > maxCached)
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    return entry;
  }

  /** One request in flight per entry. */
  #refresh(entry: Entry, request: TokenRequest, settings: TokenSettings): Promise<ProvidedToken> {
    entry.inFlight ??= this.#fetch(entry, request, settings).finally(() => {
      entry.inFlight = undefined;
    });
    return entry.inFlight;
  }

  async #fetch(entry: Entry, request: TokenRequest, settings: TokenSettings): Promise<ProvidedToken> {
    try {
      const { response, askedAtMs, askedAtMonotonicMs } = await this.#tryRepeatedly(request, settings);
      const lifeMs = response.expires_in * 1_000;
      const provided: ProvidedToken = Object.freeze({
        accessToken: response.access_token,
        expiresAt: Math.floor(askedAtMs / 1_000) + response.expires_in,
      });
      const deadAtMs = askedAtMonotonicMs + lifeMs;
      const refreshAtMs = deadAtMs - Math.min(settings.refreshBeforeMs, lifeMs / 2);
      entry.token = { provided, refreshAtMs, deadAtMs };
      entry.nextRefreshAtMs = -Infinity;
      return provided;
    } catch (error) {
      const { retryAfterSeconds = 0 } = error instanceof TokenRequestError ? error : {};
      entry.nextRefreshAtMs = this.#clock.monotonicMs() + Math.max(WAIT_MS, retryAfterSeconds * 1_000);
      throw error;
    }
  }

  async #tryRepeatedly(
    request: TokenRequest,
    settings: TokenSettings,
  ): Promise<{ response: TokenResponse; askedAtMs: number; askedAtMonotonicMs: number }> {
    for (let tries = 1; ; tries++) {
      // The lifetime counts from the request, because the response may have been delayed.
      const askedAtMs = this.#clock.nowMs();
      const askedAtMonotonicMs = this.#clock.monotonicMs();
      try {
        return { response: await this.#tryOnce(request, settings), askedAtMs, askedAtMonotonicMs };
      } catch (error) {
        if (!(error instanceof TokenRequestError) || !isPassing(error) || tries >= settings.maxTries) throw error;
        const waitMs = error.retryAfterSeconds === undefined ? WAIT_MS : error.retryAfterSeconds * 1_000;
        await this.#clock.sleep(Math.min(waitMs, LONGEST_WAIT_MS), this.#closing.signal).catch(() => {
          throw error;
        });
      }
    }
  }

  async #tryOnce(request: TokenRequest, settings: TokenSettings): Promise<TokenResponse> {
    if (settings.source !== undefined) {
      const response = await settings.source(request);
      if (!isTokenResponse(response)) throw new TokenRequestError('unexpected_answer');
      return response;
    }
    const { timeoutMs, secretId } = settings;
    const secret = typeof secretId === 'function' ? await askForSecret(secretId, request) : secretId;
    return requestToken(request, secret, { timeoutMs, closing: this.#closing.signal });
  }
}

/** Whether another try may succeed. */
function isPassing({ status, error }: TokenRequestError): boolean {
  return status === 503 || status === 429 || error === 'unreachable';
}

async function askForSecret(
  secretId: (request: TokenRequest) => string | Promise<string>,
  request: TokenRequest,
): Promise<string> {
  try {
    return await secretId(request);
  } catch {
    // The thrown error is dropped: it may contain the secret.
    throw new TokenRequestError('secret_unavailable');
  }
}

function keyOf({ url, surface, tenantId, projectId, clientId, emailId }: TokenRequest): string {
  return JSON.stringify([url, surface, tenantId, projectId, clientId, emailId]);
}

/** Removes overrides that are undefined. */
function definedOf(overrides: Partial<TokenRequest>): Partial<TokenRequest> {
  return Object.fromEntries(
    Object.entries(overrides as Readonly<Record<string, unknown>>).filter(([, value]) => value !== undefined),
  );
}

const SYSTEM_CLOCK: TokenClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, closing) =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(new TokenRequestError('unreachable'));
      };
      const timer = setTimeout(() => {
        closing.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      if (closing.aborted) onAbort();
      else closing.addEventListener('abort', onAbort, { once: true });
    }),
};

/** @throws TypeError that ends with the fix */
export function createTesseraTokens(options: TesseraClientOptions): TesseraTokens {
  return new TesseraTokens(parseTokenSettings(options), SYSTEM_CLOCK);
}
