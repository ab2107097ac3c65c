import { Injectable } from '@nestjs/common';
import { Clock } from '../domain/clock.ts';
import { within } from '../runtime/deadline.ts';

/** A dependency that every request needs. A tenant's own database is not one: its outage must not make the service unavailable to other tenants. */
export interface ReadinessCheck {
  /** Public: a fixed name such as `vault`, never an address. */
  readonly name: string;
  /** Resolves if the dependency is available now; rejects if not. */
  check(): Promise<void>;
}

/** Shorter than the usual timeout of a prober. */
const CHECK_WITHIN_MS = 2_000;
/** An answer is reused for this time, however many probes ask. */
const ANSWER_HOLDS_MS = 500;

@Injectable()
export class Readiness {
  readonly #checks: ReadinessCheck[] = [];
  readonly #clock: Clock;
  #last: { readonly atMs: number; readonly down: Promise<readonly string[]> } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a check. Called while the application is composed. */
  require(check: ReadinessCheck): void {
    this.#checks.push(check);
  }

  /** The names of the dependencies that are down now. */
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
