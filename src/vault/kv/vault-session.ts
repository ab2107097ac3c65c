import type { VaultAuth } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { TesseraError, unavailable } from '../../errors/tessera-error.ts';
import type { Log } from '../../logging/log.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Deadline } from '../../runtime/deadline.ts';
import { TokenRenewal } from './token-renewal.ts';
import { isAnswer, late, readAuth, readLookup, refusal } from './vault-answer.ts';
import type { VaultClient } from './vault-client.ts';

/** The service's login to Vault: provides the token for requests and keeps it valid. */
export interface VaultSession {
  /** The current token. Rejects with `temporarily_unavailable` if there is none. */
  token(deadline: Deadline): Promise<Secret>;
  /** Call after a 403. @returns true if another token may help, which `token` then gives */
  replace(refused: Secret, deadline: Deadline): Promise<boolean>;
  close(): Promise<void>;
}

// Time limit of a login or a renewal, which is one small request.
const REQUEST_MS = 1_000;
// Minimum time between two logins: a wrong secret id, or a token that is refused at once, must not cause a storm of logins.
const LOGIN_PAUSE_MS = 1_000;
// Time limit of revoking the token at shutdown.
const REVOKE_MS = 500;

export function createSession(auth: VaultAuth, client: VaultClient, clock: Clock, log: Log): VaultSession {
  return auth.method === 'token'
    ? new FixedTokenSession(auth.token, client, clock, log)
    : new AppRoleSession(auth, client, clock, log);
}

/** A session with `VAULT_TOKEN`: renewed as long as Vault allows. When it has expired, the operator must set another. */
class FixedTokenSession implements VaultSession {
  readonly #token: Secret;
  readonly #client: VaultClient;
  readonly #log: Log;
  readonly #renewal: TokenRenewal;
  #lookup: Promise<void> | undefined;

  constructor(token: Secret, client: VaultClient, clock: Clock, log: Log) {
    this.#token = token;
    this.#client = client;
    this.#log = log;
    this.#renewal = new TokenRenewal(client, clock, log, (secondsLeft) => {
      log.warn('vault_token_ends', { seconds_left: secondsLeft });
    });
  }

  token(): Promise<Secret> {
    // In the background: if the token was revoked or may not look itself up, the request itself will show it.
    this.#lookup ??= this.#startRenewal();
    return Promise.resolve(this.#token);
  }

  replace(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): Promise<void> {
    this.#renewal.stop();
    return Promise.resolve();
  }

  async #startRenewal(): Promise<void> {
    const token = Secret.reveal(this.#token);
    const outcome = await this.#client.call((library) => library.lookupSelfToken(token), REQUEST_MS);
    const lease = isAnswer(outcome) ? readLookup(outcome) : undefined;
    if (lease !== undefined) this.#renewal.watch(this.#token, lease);
    else if (isAnswer(outcome) && outcome.status === 403) this.#log.warn('vault_token_lookup_refused');
    // Vault did not answer: look it up again at the next request.
    else this.#lookup = undefined;
  }
}

/** A session with `VAULT_ROLE_ID` and `VAULT_SECRET_ID`: logs in if there is no token, and again if the token was revoked or cannot be renewed. */
class AppRoleSession implements VaultSession {
  readonly #auth: Extract<VaultAuth, { method: 'approle' }>;
  readonly #client: VaultClient;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #renewal: TokenRenewal;
  #token: Secret | undefined;
  #login: Promise<Secret> | undefined;
  #lastLogin: { readonly atMs: number; readonly failure: TesseraError | undefined } | undefined;
  /** Whether Vault rejected the last login itself, not because of its own state. */
  #isRefused = false;
  /** The last logged rejection. Requests go on trying while it lasts. */
  #saidRefusal: string | undefined;
  #closed = false;

  constructor(auth: Extract<VaultAuth, { method: 'approle' }>, client: VaultClient, clock: Clock, log: Log) {
    this.#auth = auth;
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#renewal = new TokenRenewal(client, clock, log, () => {
      // Requests use the old token until the new one exists. If the login fails, the next 403 triggers another.
      this.#loginOnce().catch(() => undefined);
    });
  }

  async token(deadline: Deadline): Promise<Secret> {
    if (this.#token !== undefined) return this.#token;
    return deadline.wait(this.#loginOnce(), () => {
      throw late();
    });
  }

  async replace(refused: Secret, deadline: Deadline): Promise<boolean> {
    if (refused !== this.#token) return true;
    // A 403 means an invalid token or a policy that forbids the path. Only for the first does a login help.
    const token = Secret.reveal(refused);
    const outcome = await this.#client.call(
      (library) => library.lookupSelfToken(token),
      Math.min(REQUEST_MS, deadline.remainingMs()),
    );
    if (!isAnswer(outcome)) throw refusal(outcome);
    if (outcome.status === 200) return false;
    if (outcome.status !== 403) throw refusal(outcome);
    if (refused === this.#token) {
      this.#token = undefined;
      this.#renewal.stop();
    }
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#renewal.stop();
    if (this.#token === undefined) return;
    // The token is no longer needed. If revoking fails, it expires with its lease.
    const token = Secret.reveal(this.#token);
    this.#token = undefined;
    await this.#client.call((library) => library.revokeSelfToken(token), REVOKE_MS);
  }

  /** One login at a time, shared by all callers. */
  #loginOnce(): Promise<Secret> {
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined;
    });
    return this.#login;
  }

  async #logIn(): Promise<Secret> {
    const last = this.#lastLogin;
    if (last !== undefined && this.#clock.monotonicMs() - last.atMs < LOGIN_PAUSE_MS)
      throw last.failure ?? unavailable('vault', 'it refuses the token that it has just given');
    try {
      const token = await this.#requestToken();
      this.#lastLogin = { atMs: this.#clock.monotonicMs(), failure: undefined };
      this.#saidRefusal = undefined;
      return token;
    } catch (error) {
      const failure = error instanceof TesseraError ? error : unavailable('vault', 'login failed');
      this.#lastLogin = { atMs: this.#clock.monotonicMs(), failure };
      // An outage or a sealed Vault is logged elsewhere.
      if (this.#isRefused && this.#saidRefusal !== failure.reason) {
        this.#saidRefusal = failure.reason;
        this.#log.warn('vault_login_failed', { reason: failure.reason });
      }
      throw failure;
    }
  }

  async #requestToken(): Promise<Secret> {
    const { roleId, secretId } = this.#auth;
    const outcome = await this.#client.call(
      // The library's types do not say that it returns a promise.
      (library) => library.loginWithAppRole(roleId, Secret.reveal(secretId)) as Promise<unknown>,
      REQUEST_MS,
    );
    this.#isRefused = isAnswer(outcome) && outcome.status < 500;
    if (!isAnswer(outcome)) throw refusal(outcome);
    // "invalid role or secret ID" is a 400.
    if (outcome.status === 400) throw unavailable('vault', 'it refuses our role id or secret id');
    // Without a token, a 403 cannot come from our policy.
    if (outcome.status === 403) throw unavailable('vault', 'it refuses the login');
    const auth = readAuth(outcome);
    if (auth === undefined) throw refusal(outcome);
    const token = new Secret(auth.token);
    this.#token = token;
    if (!this.#closed) this.#renewal.watch(token, auth);
    this.#log.info('vault_login', { lease_seconds: auth.seconds });
    return token;
  }
}
