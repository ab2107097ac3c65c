import { setTimeout as delay } from 'node:timers/promises';
import { type SoakInstallation, TENANTS } from './installation.ts';
import { type Requests, tokenOf } from './requests.ts';
import type { TokenChecks } from './token-checks.ts';

/** What an operator and clients do, beside the load, from the beginning of each minute on. */
export class Changes {
  rotations = 0;
  applies = 0;
  guests = 0;
  readonly failures: string[] = [];
  readonly #installation: SoakInstallation;
  readonly #requests: Requests;
  readonly #checks: TokenChecks;
  readonly #pending = new Set<Promise<void>>();

  constructor(installation: SoakInstallation, requests: Requests, checks: TokenChecks) {
    this.#installation = installation;
    this.#requests = requests;
    this.#checks = checks;
  }

  /** Repeats the work of a minute until the signal is aborted. Rejects with nothing: a failure is kept. */
  async run(minuteMs: number, signal: AbortSignal): Promise<void> {
    for (let minute = 0; !signal.aborted; minute += 1) {
      const startedAt = performance.now();
      await this.#minute(minute).catch((error: unknown) => {
        this.failures.push(`minute ${minute}: ${String(error)}`);
      });
      const rest = minuteMs - (performance.now() - startedAt);
      await delay(Math.max(0, rest), undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(this.#pending);
  }

  async #minute(minute: number): Promise<void> {
    await this.#installation.rotate(TENANTS[minute % TENANTS.length]!);
    this.rotations += 1;
    await this.#revokeSome(minute);
    const guest = `guest-${minute}`;
    await this.#installation.addGuest(guest);
    this.applies += 1;
    const token = await this.#mint(guest);
    await this.#checks.expectValidEverywhere(token);
    await this.#checks.verifyKept();
    await this.#installation.removeGuest(guest);
    this.applies += 1;
    this.guests += 1;
    this.#later(this.#checks.expectRevoked(token, 'a token of a removed tenant'));
  }

  /** A token, and one that was exchanged from another, each of a tenant of its own. */
  async #revokeSome(minute: number): Promise<void> {
    const tenant = TENANTS[(minute + 3) % TENANTS.length]!;
    const secret = this.#installation.tessera.secretOf(tenant);
    const token = await this.#mint(tenant);
    const exchanged = tokenOf(await this.#requests.exchange(tenant, secret, token));
    if (exchanged === undefined) throw new Error('the exchange failed');
    await this.#checks.expectValidEverywhere(exchanged);
    await this.#checks.expectValidEverywhere(token);
    const { status } = await this.#requests.revoke(tenant, secret, token);
    if (status !== 200) throw new Error(`the revocation was answered with ${status}`);
    this.#later(this.#checks.expectRevoked(token, 'a revoked token'));
    this.#later(this.#checks.expectRevoked(exchanged, 'a token that was exchanged from a revoked one'));
  }

  /** A new tenant may be used as soon as the server has read the change. */
  async #mint(tenant: string): Promise<string> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const token = tokenOf(await this.#requests.mint(tenant, this.#installation.tessera.secretOf(tenant)));
      if (token !== undefined) return token;
      await delay(250);
    }
    throw new Error(`no token of ${tenant}`);
  }

  #later(work: Promise<void>): void {
    const pending = work.finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }
}
