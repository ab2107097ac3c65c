import type { CloseSignal } from '../runtime/close-signal.ts';
import { fetchJson } from '../json/fetch-json.ts';
import { ExpiryClock } from './expiry-clock.ts';
import type { MonotonicClock } from '../runtime/monotonic-clock.ts';
import { parseRevocationAnswer, type RevocationAnswer } from './revocation-answer.ts';
import { nextTurn, RevocationList } from './revocation-list.ts';
import type { VerifiedToken } from '../verify/verified-token.ts';

export interface RevocationFeedSettings {
  /** `<base URL>/revocations` */
  readonly url: string;
  /** A further query parameter that begins with `&`, or empty. */
  readonly filter: string;
  readonly maxStaleMs: number;
  /** If a server sends more, its response is not used. This bounds memory whatever the server sends. */
  readonly maxEntries: number;
  /** For a response, not counting the time that a long poll asks the server to wait. */
  readonly timeoutMs: number;
  /** The longest pause between tries while the server does not answer. */
  readonly longestPauseMs: number;
  readonly nowSeconds: () => number;
  /** Whether entries of the issuer are kept. An unfiltered feed also sends those of other issuers. */
  readonly isFollowed: (issuer: string) => boolean;
}

// The server's own maximum for `wait`.
const LONGEST_WAIT_SECONDS = 20;
// About 30,000 entries. A server with more sends them in pages.
const MAX_BYTES = 4 * 1_024 * 1_024;
const MAX_DEPTH = 4;
const FIRST_PAUSE_MS = 1_000;
const SHORTEST_QUIET_MS = 1_000;
const ENTRIES_A_TURN = 2_000;
/** Below this, reading the list again costs more than the memory that it frees. */
const FEWEST_REPLACED = 1_000;

/**
 * Long-polls the revocation feed while the verifier is in use. An open request keeps a program alive, so no request is opened after `maxStaleMs`
 * without a token. The next token then waits for a fresh response.
 */
export class RevocationFeed {
  readonly #settings: RevocationFeedSettings;
  readonly #clock: MonotonicClock;
  readonly #closing: CloseSignal;

  readonly #expiryClock = new ExpiryClock();
  #list = new RevocationList();
  /** Whether a complete list was ever read. Until then, any token may have been revoked. */
  #isKnown = false;
  /** A list that is being read again. It replaces `#list` only when complete: a partial list would accept revoked tokens. */
  #successor: RevocationList | undefined;
  /** How many entries of the list later entries have replaced. */
  #replaced = 0;
  #sequence = 0;
  /** The list contains everything that the server knew at this time. */
  #freshAt = -Infinity;
  #usedAt = -Infinity;
  #state: 'idle' | 'asking' | 'following' | 'pausing' = 'idle';
  #failures = 0;
  #answer: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => undefined;

  constructor(settings: RevocationFeedSettings, clock: MonotonicClock, closing: CloseSignal) {
    this.#settings = settings;
    this.#clock = clock;
    this.#closing = closing;
    closing.onClose(() => {
      this.#cancelTimer();
    });
  }

  /**
   * Resolves when the list is up to date or the deadline has passed. Undefined while the feed is polled: there is nothing to wait for. Never rejects.
   *
   * @param now asks immediately, without the pause after a failure
   */
  ready(now = false): Promise<void> | undefined {
    this.#usedAt = this.#clock.nowMs();
    if (now && this.#state === 'pausing') this.#cancelTimer();
    if (this.#state === 'idle' || (now && this.#state === 'pausing')) this.#ask();
    return this.#state === 'asking' ? this.#answer : undefined;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  get isFresh(): boolean {
    return this.#isKnown && this.#clock.nowMs() - this.#freshAt <= this.#settings.maxStaleMs;
  }

  hits(token: VerifiedToken): boolean {
    return this.#list.hits(token, this.#settings.nowSeconds());
  }

  /** Asks for an immediate response, not a long poll. */
  #ask(): void {
    this.#state = 'asking';
    // Each page has its own deadline. A caller waits for one deadline only.
    let cancel: () => void = () => undefined;
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#clock.after(this.#settings.timeoutMs, resolve);
    });
    this.#answer = Promise.race([this.#poll(0), deadline]).finally(cancel);
  }

  /** Reads pages until the list is complete. */
  async #poll(waitSeconds: number): Promise<void> {
    for (let wait = waitSeconds; ; wait = 0) {
      const askedAt = this.#clock.nowMs();
      const answer = await this.#fetch(wait);
      if (this.#closing.isClosed) return;
      if (answer === undefined) {
        this.#pause();
        return;
      }
      const isQuiet = answer.sequence === this.#sequence;
      this.#failures = 0;
      if (!(await this.#take(answer))) continue;
      const answeredAt = this.#clock.nowMs();
      // A long poll returns what is known when it ends; any other request what is known when it arrives.
      this.#freshAt = wait === 0 ? askedAt : answeredAt;
      const waitedMs = answeredAt - askedAt;
      // A server that ignores `wait` must not be polled in a tight loop.
      this.#continue(wait > 0 && isQuiet && waitedMs < SHORTEST_QUIET_MS ? SHORTEST_QUIET_MS - waitedMs : 0);
      return;
    }
  }

  async #fetch(waitSeconds: number): Promise<RevocationAnswer | undefined> {
    const { url, filter, timeoutMs } = this.#settings;
    const answer = await fetchJson(`${url}?after=${this.#sequence}&wait=${waitSeconds}${filter}`, {
      timeoutMs: timeoutMs + waitSeconds * 1_000,
      maxBytes: MAX_BYTES,
      maxDepth: MAX_DEPTH,
      closing: this.#closing,
    });
    const parsed = answer.kind === 'json' ? parseRevocationAnswer(answer.value, this.#sequence) : undefined;
    const known = parsed?.reset === true ? 0 : (this.#successor ?? this.#list).size;
    return parsed !== undefined && known + parsed.revocations.length <= this.#settings.maxEntries ? parsed : undefined;
  }

  /** @returns whether the list is complete now */
  async #take(answer: RevocationAnswer): Promise<boolean> {
    if (answer.reset) this.#successor = new RevocationList();
    const list = this.#successor ?? this.#list;
    for (const [index, revocation] of answer.revocations.entries()) {
      if (index % ENTRIES_A_TURN === ENTRIES_A_TURN - 1) await nextTurn();
      if (!this.#settings.isFollowed(revocation.issuer)) continue;
      list.add(revocation);
      this.#replaced += revocation.replaces;
    }
    this.#sequence = answer.sequence;
    if (answer.more) return false;
    if (this.#successor !== undefined || !this.#isKnown) this.#replaced = 0;
    this.#list = await this.#withoutDead(list);
    this.#successor = undefined;
    this.#isKnown = true;
    if (this.#replaced < Math.max(FEWEST_REPLACED, this.#list.size / 2)) return true;
    // At least half of the list was replaced, so the server's list is now much shorter: read it again from the beginning.
    this.#replaced = 0;
    this.#sequence = 0;
    this.#successor = new RevocationList();
    return false;
  }

  async #withoutDead(list: RevocationList): Promise<RevocationList> {
    const { certain } = this.#expiryClock.observe(this.#settings.nowSeconds(), this.#clock.nowMs());
    const dead = list.countDead(certain);
    return dead > 0 && dead >= list.size / 4 ? list.copyOf(certain) : list;
  }

  #continue(pauseMs: number): void {
    if (this.#clock.nowMs() - this.#usedAt > this.#settings.maxStaleMs) {
      this.#state = 'idle';
      return;
    }
    this.#state = 'following';
    // At most half of the maximum age, so that a feed without news does not become stale.
    const waitSeconds = Math.min(LONGEST_WAIT_SECONDS, Math.floor(this.#settings.maxStaleMs / 2_000));
    // `wait` is in whole seconds. If it would be 0, poll at half of the maximum age instead.
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
