import type { Closing } from './closing.ts';
import { fetchJson } from './fetch-json.ts';
import { ForgettingTime } from './forgetting-time.ts';
import type { MonotonicClock } from './monotonic-clock.ts';
import { parseRevocationAnswer, type RevocationAnswer } from './revocation-answer.ts';
import { RevocationList } from './revocation-list.ts';
import type { VerifiedToken } from './verified-token.ts';

export interface RevocationFeedSettings {
  /** `<base URL>/revocations` */
  readonly url: string;
  readonly maxStaleMs: number;
  /** For an answer that is not waited for on purpose. */
  readonly timeoutMs: number;
  /** The longest pause between tries while there is no answer. */
  readonly longestPauseMs: number;
  readonly nowSeconds: () => number;
  /** Entries of other issuers are not kept. */
  readonly isTrusted: (issuer: string) => boolean;
}

// The server's own bound, client-api (d).
const LONGEST_WAIT_SECONDS = 20;
// Some 30,000 entries; a server with more sends them in pieces.
const MAX_BYTES = 4 * 1_024 * 1_024;
const MAX_DEPTH = 4;
const FIRST_PAUSE_MS = 1_000;
const SHORTEST_QUIET_MS = 1_000;

/**
 * Follows the feed of revocations by long poll, while the verifier is in use: an open request would keep a finished program alive, so none is
 * opened when nobody asked for `maxStaleMs`. Whoever comes next then waits for a fresh answer.
 */
export class RevocationFeed {
  readonly #settings: RevocationFeedSettings;
  readonly #clock: MonotonicClock;
  readonly #closing: Closing;

  readonly #forgetting = new ForgettingTime();
  #list = new RevocationList();
  /** A new list in the making after `reset`, until its last page is here. */
  #successor: RevocationList | undefined;
  #sequence = 0;
  /** When the last complete answer was asked for. */
  #freshAt = -Infinity;
  #usedAt = -Infinity;
  #state: 'idle' | 'asking' | 'following' | 'pausing' = 'idle';
  #failures = 0;
  #answer: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => undefined;

  constructor(settings: RevocationFeedSettings, clock: MonotonicClock, closing: Closing) {
    this.#settings = settings;
    this.#clock = clock;
    this.#closing = closing;
    closing.onClose(() => {
      this.#cancelTimer();
    });
  }

  /** Resolves when there is an answer to go by, or none within the deadline. Costs nothing while the feed is followed. Never rejects. */
  ready(): Promise<void> | undefined {
    this.#usedAt = this.#clock.nowMs();
    if (this.#state === 'idle') this.#ask();
    return this.#state === 'asking' ? this.#answer : undefined;
  }

  get isFresh(): boolean {
    return this.#clock.nowMs() - this.#freshAt <= this.#settings.maxStaleMs;
  }

  hits(token: VerifiedToken): boolean {
    return this.#list.hits(token, this.#settings.nowSeconds());
  }

  /** Without waiting on the server's side. */
  #ask(): void {
    this.#state = 'asking';
    // Many pages may take many deadlines; whoever waits gets one.
    let cancel: () => void = () => undefined;
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#clock.after(this.#settings.timeoutMs, resolve);
    });
    this.#answer = Promise.race([this.#poll(0), deadline]).finally(cancel);
  }

  async #poll(waitSeconds: number): Promise<void> {
    const { url, timeoutMs } = this.#settings;
    const askedAt = this.#clock.nowMs();
    const answer = await fetchJson(`${url}?after=${this.#sequence}&wait=${waitSeconds}`, {
      timeoutMs: timeoutMs + waitSeconds * 1_000,
      maxBytes: MAX_BYTES,
      maxDepth: MAX_DEPTH,
      closing: this.#closing,
    });
    const parsed = answer.kind === 'json' ? parseRevocationAnswer(answer.value, this.#sequence) : undefined;
    if (this.#closing.isClosed) return;
    if (parsed === undefined) {
      this.#pause();
      return;
    }
    const isQuiet = parsed.sequence === this.#sequence;
    this.#failures = 0;
    this.#take(parsed);
    if (parsed.more) {
      // Part of the same answer for whoever waits: the list is complete with the last page.
      await this.#poll(0);
      return;
    }
    const answeredAt = this.#clock.nowMs();
    // A long poll is answered with what is new at its end, any other with what was new when it was asked.
    this.#freshAt = waitSeconds === 0 ? askedAt : answeredAt;
    const waitedMs = answeredAt - askedAt;
    // A server that does not wait must not be asked in a loop.
    this.#continue(waitSeconds > 0 && isQuiet && waitedMs < SHORTEST_QUIET_MS ? SHORTEST_QUIET_MS - waitedMs : 0);
  }

  #take(answer: RevocationAnswer): void {
    if (answer.reset) this.#successor = new RevocationList();
    const list = this.#successor ?? this.#list;
    for (const revocation of answer.revocations) if (this.#settings.isTrusted(revocation.issuer)) list.add(revocation);
    this.#sequence = answer.sequence;
    if (!answer.more) {
      this.#list = list;
      this.#successor = undefined;
      list.forget(this.#forgetting.observe(this.#settings.nowSeconds(), this.#clock.nowMs()).certain);
    }
  }

  #continue(pauseMs: number): void {
    if (this.#clock.nowMs() - this.#usedAt > this.#settings.maxStaleMs) {
      this.#state = 'idle';
      return;
    }
    this.#state = 'following';
    // At most half of the stale time, so that a quiet feed is no stale one.
    const waitSeconds = Math.min(LONGEST_WAIT_SECONDS, Math.floor(this.#settings.maxStaleMs / 2_000));
    // Below one whole second there is nothing to wait for on the other side: ask that often instead.
    const delayMs = waitSeconds === 0 ? this.#settings.maxStaleMs / 2 : pauseMs;
    if (delayMs > 0) this.#later(delayMs, waitSeconds);
    else void this.#poll(waitSeconds);
  }

  #pause(): void {
    this.#state = 'pausing';
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, this.#settings.longestPauseMs);
    this.#failures++;
    this.#later(pauseMs, 0);
  }

  #later(delayMs: number, waitSeconds: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => void this.#poll(waitSeconds));
  }
}
