import { Secret } from '../../config/secret.ts';
import type { Log } from '../../logging/log.ts';
import type { Clock } from '../../domain/clock.ts';
import { isAnswer, type Lease, readAuth } from './vault-answer.ts';
import type { VaultClient } from './vault-client.ts';

const REQUEST_MS = 1_000;
// Early enough for several tries before the lease expires.
const RENEW_AT = 2 / 3;
// Even if the lease is weeks long: Node's timers hold at most 24 days, and problems with the token should show early.
const MAX_PAUSE_MS = 24 * 3_600_000;
const MIN_PAUSE_MS = 500;

interface Watched {
  readonly token: Secret;
  readonly renewable: boolean;
  readonly endsAtMs: number;
  /** The lease to ask for at renewal: the one that the token was created with. */
  readonly fullSeconds: number;
}

/** Renews one token in the background before its lease expires. The timer does not keep the process alive. */
export class TokenRenewal {
  readonly #client: VaultClient;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Called if the token will expire and cannot be renewed. */
  readonly #ending: (secondsLeft: number) => void;
  #watched: Watched | undefined;
  #saidFailed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: VaultClient, clock: Clock, log: Log, ending: (secondsLeft: number) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#ending = ending;
  }

  /** Watches this token instead of the previous one. */
  watch(token: Secret, lease: Lease, fullSeconds = lease.seconds): void {
    this.stop();
    if (lease.seconds === 0) return;
    const endsAtMs = this.#clock.monotonicMs() + lease.seconds * 1_000;
    this.#watched = { token, renewable: lease.renewable, endsAtMs, fullSeconds };
    this.#renewAfter(lease.seconds * 1_000 * RENEW_AT, this.#watched);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#watched = undefined;
  }

  #renewAfter(pauseMs: number, watched: Watched): void {
    this.#timer = setTimeout(
      () => {
        void this.#renew(watched);
      },
      Math.min(Math.max(pauseMs, MIN_PAUSE_MS), MAX_PAUSE_MS),
    ).unref();
  }

  async #renew(watched: Watched): Promise<void> {
    if (!watched.renewable) {
      this.#ending(this.#secondsLeft(watched));
      return;
    }
    const token = Secret.reveal(watched.token);
    const outcome = await this.#client.call(
      (library) => library.renewSelfToken(token, `${watched.fullSeconds}s`),
      REQUEST_MS,
    );
    // Stopped, or another token is watched by now.
    if (this.#watched !== watched) return;
    const renewed = isAnswer(outcome) ? readAuth(outcome) : undefined;
    if (renewed !== undefined) {
      this.#saidFailed = false;
      this.#log.debug('vault_token_renewed', { lease_seconds: renewed.seconds });
      // Much less than asked for: the token is near Vault's maximum TTL, and renewals no longer help.
      if (renewed.seconds < watched.fullSeconds / 2) this.#ending(renewed.seconds);
      else this.watch(watched.token, renewed, watched.fullSeconds);
      return;
    }
    const secondsLeft = this.#secondsLeft(watched);
    const refused = isAnswer(outcome) && outcome.status >= 400 && outcome.status < 500;
    if (!this.#saidFailed) this.#log.warn('vault_token_renewal_failed', { refused, seconds_left: secondsLeft });
    this.#saidFailed = true;
    if (refused || secondsLeft === 0) this.#ending(secondsLeft);
    else this.#renewAfter((secondsLeft * 1_000) / 3, watched);
  }

  #secondsLeft({ endsAtMs }: Watched): number {
    return Math.max(0, Math.round((endsAtMs - this.#clock.monotonicMs()) / 1_000));
  }
}
