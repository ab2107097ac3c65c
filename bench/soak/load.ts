import { setTimeout as delay } from 'node:timers/promises';
import { TENANTS } from './installation.ts';
import { type Reply, type Requests, tokenOf } from './requests.ts';

/** Of ten requests, in turn. */
const MIX = ['mint', 'mint', 'redeem', 'mint', 'mint', 'exchange', 'mint', 'mint', 'redeem', 'exchange'] as const;
const TICK_MS = 10;
/** A server that answers in time never has so many. What would be more is not sent. */
const MOST_IN_FLIGHT = 48;
/** Bearers live for 10 minutes. */
const NEW_BEARERS_MS = 120_000;
const FAILURES_KEPT = 20;

export interface IssuedToken {
  readonly tenant: string;
  readonly token: string;
}

/** Mints and exchanges for all tenants in turn: as fast as they are answered, or at a rate. */
export class SoakLoad {
  issued = 0;
  failed = 0;
  /** How many requests the rate asked for. */
  due = 0;
  /** Those of them that could not be sent. */
  skipped = 0;
  readonly failures: string[] = [];
  readonly #requests: Requests;
  readonly #secretOf: (tenant: string) => string;
  readonly #onIssued: (issued: IssuedToken) => void;
  #bearers = new Map<string, string>();
  #bearersAtMs = -Infinity;
  #turn = 0;
  #inFlight = 0;

  constructor(requests: Requests, secretOf: (tenant: string) => string, onIssued: (issued: IssuedToken) => void) {
    this.#requests = requests;
    this.#secretOf = secretOf;
    this.#onIssued = onIssued;
  }

  /** @returns how many requests a second some clients without pauses get through */
  async calibrate(clients: number, seconds: number): Promise<number> {
    await this.#renewBearers();
    const before = this.issued;
    const startedAt = performance.now();
    const until = startedAt + seconds * 1000;
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (performance.now() < until) await this.#one();
      }),
    );
    return (this.issued - before) / ((performance.now() - startedAt) / 1000);
  }

  async run(perSecond: number, signal: AbortSignal): Promise<void> {
    let owed = 0;
    let lastMs = performance.now();
    while (!signal.aborted) {
      await delay(TICK_MS);
      if (performance.now() - this.#bearersAtMs > NEW_BEARERS_MS) await this.#renewBearers();
      const nowMs = performance.now();
      owed += ((nowMs - lastMs) / 1000) * perSecond;
      lastMs = nowMs;
      for (; owed >= 1; owed -= 1) {
        this.due += 1;
        if (this.#inFlight < MOST_IN_FLIGHT) void this.#one();
        else this.skipped += 1;
      }
    }
    while (this.#inFlight > 0) await delay(TICK_MS);
  }

  async #one(): Promise<void> {
    const kind = MIX[this.#turn % MIX.length]!;
    const tenant = TENANTS[Math.floor(this.#turn / MIX.length) % TENANTS.length]!;
    this.#turn += 1;
    this.#inFlight += 1;
    const reply = await this.#send(kind, tenant);
    this.#inFlight -= 1;
    this.#note(kind, tenant, reply);
  }

  #send(kind: (typeof MIX)[number], tenant: string): Promise<Reply> {
    const [secret, bearer] = [this.#secretOf(tenant), this.#bearers.get(tenant) ?? ''];
    if (kind === 'mint') return this.#requests.mint(tenant, secret);
    return kind === 'redeem' ? this.#requests.redeem(bearer) : this.#requests.exchange(tenant, secret, bearer);
  }

  #note(kind: string, tenant: string, reply: Reply): void {
    const token = tokenOf(reply);
    if (token !== undefined) {
      this.issued += 1;
      this.#onIssued({ tenant, token });
      return;
    }
    this.failed += 1;
    if (this.failures.length < FAILURES_KEPT) this.failures.push(`${kind} of ${tenant}: ${reply.status} ${reply.body}`);
  }

  async #renewBearers(): Promise<void> {
    this.#bearersAtMs = performance.now();
    for (const tenant of TENANTS) {
      const reply = await this.#requests.mint(tenant, this.#secretOf(tenant));
      const token = tokenOf(reply);
      if (token === undefined) this.#note('mint', tenant, reply);
      else this.#bearers.set(tenant, token);
    }
  }
}
