import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** A token as a caller sent it, not verified yet. Printing, serializing or inspecting it gives `[redacted]`. */
export class PresentedToken {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The token itself. Only for the parser that verifies it. */
  static text(token: PresentedToken): string {
    return token.#text;
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
