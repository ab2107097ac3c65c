import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import type { Answer } from '../../support/requests/answer.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Two callers that ask one server for tokens continuously. */
export class MintLoad {
  readonly statuses: number[] = [];
  readonly tokenIds: string[] = [];
  readonly #stopwatch = startStopwatch();
  readonly #successes: number[] = [];
  readonly #mint: () => Promise<Answer>;
  readonly #callers: readonly Promise<void>[];
  #isOver = false;

  constructor(mint: () => Promise<Answer>) {
    this.#mint = mint;
    this.#callers = [this.#call(), this.#call()];
  }

  /** The time by which gaps are measured: pauses of the machine are none. */
  now(): number {
    return this.#stopwatch.elapsedMs();
  }

  /** The longest time without a token, from the last one before `since` on. */
  longestGapMs(since: number): number {
    const before = this.#successes.findLast((at) => at <= since) ?? since;
    const after = [before, ...this.#successes.filter((at) => at > since), this.now()];
    return Math.max(...after.slice(1).map((at, index) => at - after[index]!));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
    this.#stopwatch.stop();
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      const answer = await this.#mint();
      this.statuses.push(answer.status);
      if (answer.status === 200) {
        this.#successes.push(this.now());
        this.tokenIds.push(decodeJwt(answer.body['access_token'] as string).jti!);
      }
      await delay(20);
    }
  }
}
