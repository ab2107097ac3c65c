import type { VaultFailure } from '../errors/dependency-failure.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { DependencyWatch } from '../health/dependency-watch.ts';
import type { Log } from '../logging/log.ts';
import { Outage } from '../logging/outage.ts';
import type { VaultService } from './vault.service.ts';

/** Rarely, because requests themselves notice an outage at once. */
const LOOK_EVERY_MS = 5000;
const LOOK_WHILE_AWAY_EVERY_MS = 1000;

/** Reasons that alternate while Vault is unreachable. */
const UNREACHED: readonly VaultFailure[] = [
  'it cannot be reached',
  'its host name is not known',
  'the connection broke',
  'no answer in time',
];

/** Checks Vault in the background and logs when it becomes unavailable, why, and when it is back. */
export class VaultWatch {
  readonly #vault: Pick<VaultService, 'check'>;
  readonly #outage: Outage;
  readonly #watch: DependencyWatch;

  constructor(vault: Pick<VaultService, 'check'>, log: Log) {
    this.#vault = vault;
    this.#outage = new Outage(
      {
        away: (reason) => {
          log.warn('vault_unavailable', { reason });
        },
        back: () => {
          log.info('vault_available');
        },
      },
      UNREACHED,
    );
    this.#watch = new DependencyWatch({
      look: () => this.#look(),
      everyMs: LOOK_EVERY_MS,
      whileAwayEveryMs: LOOK_WHILE_AWAY_EVERY_MS,
    });
  }

  start(): void {
    this.#watch.start(0);
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  async #look(): Promise<'there' | 'away'> {
    try {
      await this.#vault.check();
      this.#outage.back();
      return 'there';
    } catch (error) {
      this.#outage.away(reasonOf(error));
      return 'away';
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof TesseraError)) return 'not available';
  return error.failure?.dependency === 'vault' ? error.failure.text : error.reason;
}
