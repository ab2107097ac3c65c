import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** A token as a caller sent it, not proven yet. Whatever prints, serialises or inspects it gets `[redacted]`. */
export class PresentedToken {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The token itself, for the parser that judges it and for nothing else. */
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
