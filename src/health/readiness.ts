import { Injectable } from '@nestjs/common';
import { Clock } from '../domain/clock.ts';
import { within } from '../runtime/deadline.ts';

/** Something that every request needs. A tenant's own database is not: one that is down must not take the service from the others. */
export interface ReadinessCheck {
  /** Shown to anyone who asks: a fixed name such as `vault`, never an address. */
  readonly name: string;
  /** Resolves when it can serve now. */
  check(): Promise<void>;
}

/** The answer shall come while the one who asks still listens. */
const CHECK_WITHIN_MS = 2_000;
/** However many ask, the dependencies are asked once in this time. */
const ANSWER_HOLDS_MS = 500;

@Injectable()
export class Readiness {
  readonly #checks: ReadinessCheck[] = [];
  readonly #clock: Clock;
  #last: { readonly atMs: number; readonly down: Promise<readonly string[]> } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called while the service is put together. */
  require(check: ReadinessCheck): void {
    this.#checks.push(check);
  }

  /** The names of what does not answer now. */
  down(): Promise<readonly string[]> {
    const now = this.#clock.monotonicMs();
    if (this.#last === undefined || now - this.#last.atMs >= ANSWER_HOLDS_MS)
      this.#last = { atMs: now, down: this.#ask() };
    return this.#last.down;
  }

  async #ask(): Promise<readonly string[]> {
    const results = await Promise.all(
      this.#checks.map((check) => within(CHECK_WITHIN_MS, answers(check), () => false)),
    );
    return this.#checks.filter((_check, index) => results[index] !== true).map(({ name }) => name);
  }
}

async function answers(check: ReadinessCheck): Promise<boolean> {
  try {
    await check.check();
    return true;
  } catch {
    return false;
  }
}
