import { DependencyWatch } from '../health/dependency-watch.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Log } from '../logging/log.ts';
import { Outage } from '../logging/outage.ts';
import { reasonOfFailure, UNREACHED } from '../database/database-failure.ts';
import { type DatabaseExplanation, explainDatabase } from '../database/database-fixes.ts';

/** The return of a server must be noticed within the promised 5 s. */
const LOOK_EVERY_MS = 1000;

interface WatchedControlPlane {
  pendingMigrations(): Promise<readonly string[]>;
  assertTakesWrites(): Promise<void>;
}

/**
 * Checks a control database on a server every second, and logs when it becomes unavailable, why, and when it is back.
 *
 * The check is a write: a primary that has handed over to its successor still answers reads, and a process that only reads would stay with it and
 * miss all changes and revocations.
 */
export class ControlDatabaseWatch {
  readonly #controlPlane: WatchedControlPlane;
  readonly #log: Log;
  readonly #outage: Outage;
  readonly #watch: DependencyWatch;
  #explained: Partial<DatabaseExplanation> = {};
  #schemaIsCurrent = false;
  #saidWhatToRun = false;

  constructor(controlPlane: WatchedControlPlane, log: Log) {
    this.#controlPlane = controlPlane;
    this.#log = log;
    this.#outage = new Outage(
      {
        away: (reason) => {
          log.warn('control_database_unavailable', { reason, ...this.#explained });
        },
        back: () => {
          log.info('control_database_available');
        },
      },
      UNREACHED,
    );
    this.#watch = new DependencyWatch({
      look: () => this.#look(),
      everyMs: LOOK_EVERY_MS,
      whileAwayEveryMs: LOOK_EVERY_MS,
    });
  }

  /** @param failure the failure at the start, if the database was away then */
  start(failure?: unknown): void {
    if (failure === undefined) this.#schemaIsCurrent = true;
    else this.#away(failure);
    this.#watch.start(LOOK_EVERY_MS);
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  async #look(): Promise<'there' | 'away'> {
    try {
      if (!this.#schemaIsCurrent && !(await this.#askSchema())) return 'away';
      await this.#controlPlane.assertTakesWrites();
      this.#outage.back();
      return 'there';
    } catch (error) {
      if (!this.#watch.isStopped) this.#away(error);
      return 'away';
    }
  }

  async #askSchema(): Promise<boolean> {
    this.#schemaIsCurrent = (await this.#controlPlane.pendingMigrations()).length === 0;
    if (!this.#schemaIsCurrent && !this.#saidWhatToRun) {
      // Too late to stop the start. The server is not ready until the migrations have run.
      this.#log.error('control_database_schema_not_current', { fix: 'tessera migrate' });
      this.#saidWhatToRun = true;
    }
    return this.#schemaIsCurrent;
  }

  #away(error: unknown): void {
    this.#explained = error instanceof TesseraError ? explainDatabase(error) : {};
    this.#outage.away(reasonOfFailure(error) ?? 'not available');
  }
}
