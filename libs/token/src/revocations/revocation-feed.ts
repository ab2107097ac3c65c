import type { Closing } from './closing.ts';
import { fetchJson } from '../json/fetch-json.ts';
import { ForgettingTime } from './forgetting-time.ts';
import type { MonotonicClock } from '../verify/monotonic-clock.ts';
import { parseRevocationAnswer, type RevocationAnswer } from './revocation-answer.ts';
import { nextTurn, RevocationList } from './revocation-list.ts';
import type { VerifiedToken } from '../verify/verified-token.ts';

export interface RevocationFeedSettings {
  /** `<base URL>/revocations` */
  readonly url: string;
  /** A further parameter, which begins with `&`; or empty. */
  readonly filter: string;
  readonly maxStaleMs: number;
  /** A server that sends more gives no list: memory is bounded whoever stands behind the URL. */
  readonly maxEntries: number;
  /** For an answer that is not waited for on purpose. */
  readonly timeoutMs: number;
  /** The longest pause between tries while there is no answer. */
  readonly longestPauseMs: number;
  readonly nowSeconds: () => number;
  /** Whether its entries are kept. A server that cannot leave out the others sends them too. */
  readonly isFollowed: (issuer: string) => boolean;
}

// The server's own bound, client-api (d).
const LONGEST_WAIT_SECONDS = 20;
// Some 30,000 entries; a server with more sends them in pieces.
const MAX_BYTES = 4 * 1_024 * 1_024;
const MAX_DEPTH = 4;
const FIRST_PAUSE_MS = 1_000;
const SHORTEST_QUIET_MS = 1_000;
const ENTRIES_A_TURN = 2_000;
/** To read the list anew costs as much as what it frees. */
const FEWEST_REPLACED = 1_000;

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
  /** Until the first list is complete, nothing is known: what is missing may be what was revoked. */
  #isKnown = false;
  /** A new list in the making, until its last page is here: half a list would let in what was revoked. */
  #successor: RevocationList | undefined;
  /** Entries of the list that the server no longer has, because later ones stand for them. */
  #replaced = 0;
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

  /**
   * Resolves when there is an answer to go by, or none within the deadline. Costs nothing while the feed is followed. Never rejects.
   *
   * @param now asks also where the feed failed a moment ago
   */
  ready(now = false): Promise<void> | undefined {
    this.#usedAt = this.#clock.nowMs();
    if (now && this.#state === 'pausing') this.#cancelTimer();
    if (this.#state === 'idle' || (now && this.#state === 'pausing')) this.#ask();
    return this.#state === 'asking' ? this.#answer : undefined;
  }

  /** Whether a complete list was ever read. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  get isFresh(): boolean {
    return this.#isKnown && this.#clock.nowMs() - this.#freshAt <= this.#settings.maxStaleMs;
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

  /** Until the list is complete, which takes several answers when it is long. */
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
      // A long poll is answered with what is new at its end, any other with what was new when it was asked.
      this.#freshAt = wait === 0 ? askedAt : answeredAt;
      const waitedMs = answeredAt - askedAt;
      // A server that does not wait must not be asked in a loop.
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
    // What was replaced is half of the list, or more: the server's list is short now.
    this.#replaced = 0;
    this.#sequence = 0;
    this.#successor = new RevocationList();
    return false;
  }

  async #withoutDead(list: RevocationList): Promise<RevocationList> {
    const { certain } = this.#forgetting.observe(this.#settings.nowSeconds(), this.#clock.nowMs());
    const dead = list.countDead(certain);
    return dead > 0 && dead >= list.size / 4 ? list.copyOf(certain) : list;
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
