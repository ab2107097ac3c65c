import { setTimeout as delay } from 'node:timers/promises';
import { createVerifier, TokenError, type TokenVerifier } from '@tessera/token';
import { SAMPLE } from '../sample/sample-request.ts';
import type { IssuedToken } from './load.ts';
import { type Requests, TARGET_AUDIENCE } from './requests.ts';

/** Every so many tokens, one is verified at once. */
const EVERY = 25;
/** Every so many verified tokens, one is kept and verified again until it expires: its key retires meanwhile. */
const KEPT_EVERY = 20;
const MOST_KEPT = 500;
/** It may expire during the verification. */
const EXPIRY_MARGIN_SECONDS = 5;
/** Within this time, a revocation reaches every verifier. */
const REVOKED_WITHIN_MS = 2_000;
const MISTAKES_KEPT = 20;

/** Verifies tokens as a service does, offline with the keys and the feed of revocations, and asks the server about some. */
export class TokenChecks {
  verified = 0;
  verifiedAgain = 0;
  revoked = 0;
  /** Tokens about which the server was asked, valid and revoked. */
  readonly asked = { valid: 0, revoked: 0 };
  /** Valid tokens that the library or the server refused. */
  wronglyRefused = 0;
  /** Revoked tokens that were accepted after the time limit. */
  wronglyAccepted = 0;
  readonly mistakes: string[] = [];
  readonly #verifier: TokenVerifier;
  readonly #requests: Pick<Requests, 'verify'>;
  readonly #kept: (IssuedToken & { readonly expiresAt: number })[] = [];
  #seen = 0;

  constructor(baseUrl: string, requests: Pick<Requests, 'verify'>) {
    this.#requests = requests;
    this.#verifier = createVerifier({ baseUrl, tenants: 'all', audience: [SAMPLE.audience, TARGET_AUDIENCE] });
  }

  /** Of every issued token. */
  issued(issued: IssuedToken): void {
    this.#seen += 1;
    if (this.#seen % EVERY !== 0) return;
    void this.expectValid(issued.token).then(() => {
      this.verified += 1;
      if (this.verified % KEPT_EVERY === 0) this.#keep(issued);
    });
  }

  /** Verifies all kept tokens that have not expired. */
  async verifyKept(): Promise<void> {
    for (const { token, expiresAt } of [...this.#kept]) {
      if (expiresAt < Date.now() / 1000 + EXPIRY_MARGIN_SECONDS) continue;
      await this.expectValid(token);
      this.verifiedAgain += 1;
    }
  }

  async expectValid(token: string): Promise<void> {
    const error = await this.#refusalOf(token);
    if (error !== undefined) this.#refused(error);
  }

  /** By the library and by the server. */
  async expectValidEverywhere(token: string): Promise<void> {
    await this.expectValid(token);
    const { status } = await this.#requests.verify(token);
    this.asked.valid += 1;
    if (status !== 200) this.#refused(`${status} of the server`);
  }

  /** Call it when the revocation is confirmed. */
  async expectRevoked(token: string, what: string): Promise<void> {
    await delay(REVOKED_WITHIN_MS);
    const error = await this.#refusalOf(token);
    this.revoked += 1;
    if (error !== 'TOKEN_REVOKED') this.#accepted(what, error);
    const { status } = await this.#requests.verify(token);
    this.asked.revoked += 1;
    if (status !== 401) this.#accepted(what, status === 200 ? undefined : `${status} of the server`);
  }

  close(): void {
    this.#verifier.close();
  }

  #keep({ tenant, token }: IssuedToken): void {
    if (this.#kept.length >= MOST_KEPT) this.#kept.shift();
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { exp: number };
    this.#kept.push({ tenant, token, expiresAt: exp });
  }

  async #refusalOf(token: string): Promise<string | undefined> {
    try {
      await this.#verifier.verify(token);
      return undefined;
    } catch (error) {
      if (error instanceof TokenError) return error.code;
      throw error;
    }
  }

  #refused(error: string): void {
    this.wronglyRefused += 1;
    this.#mistake(`refused: ${error}`);
  }

  #accepted(what: string, error: string | undefined): void {
    this.wronglyAccepted += 1;
    this.#mistake(`${what} was ${error === undefined ? 'accepted' : `refused with ${error}`}`);
  }

  #mistake(text: string): void {
    if (this.mistakes.length < MISTAKES_KEPT) this.mistakes.push(`${new Date().toISOString()} ${text}`);
  }
}
