import { hash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** A credential on its way to the one place that may see it. Printing, serializing or inspecting it gives `[redacted]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself. Only the files that eslint.config.mjs lists may call this: those that hand it to its store, cipher or owner. */
  static reveal(secret: Secret): string {
    return secret.#value;
  }

  /** False for a text that UTF-8 cannot carry (lone surrogates): two such texts may have one digest. */
  static isWellFormed(secret: Secret): boolean {
    return secret.#value.isWellFormed();
  }

  /** SHA-256 of the UTF-8 text, 32 bytes: what the store keeps of a generated secret. */
  sha256(): Buffer {
    return hash('sha256', this.#value, 'buffer');
  }

  /** Compares in constant time, for any lengths. */
  equals(other: Secret): boolean {
    return timingSafeEqual(this.sha256(), other.sha256());
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
