import { setTimeout as delay } from 'node:timers/promises';

interface FeedAnswer {
  readonly sequence: number;
  readonly entries: readonly { readonly seq: number; readonly kind: string; readonly id: string }[];
  readonly reset?: boolean;
}

/** Polls the revocation feed of one server as a verifier does, and keeps what it got. */
export class FeedFollower {
  /** The number of every entry, in the order of the answers. */
  readonly numbers: number[] = [];
  /** The ids of the revoked tokens. */
  readonly tokens = new Set<string>();
  last = 0;
  readonly #url: string;
  readonly #following: Promise<void>;
  #isOver = false;

  constructor(url: string) {
    this.#url = url;
    this.#following = this.#follow();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      const answer = await fetch(`${this.#url}/revocations?after=${this.last}`);
      if (answer.status !== 200) throw new Error(`the feed answers ${answer.status}`);
      const { sequence, entries } = (await answer.json()) as FeedAnswer;
      for (const { seq, kind, id } of entries) {
        this.numbers.push(seq);
        if (kind === 'token') this.tokens.add(id);
      }
      this.last = sequence;
      await delay(10);
    }
  }
}
