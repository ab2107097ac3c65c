const ID = /^[A-Za-z0-9_-]+$/;

/** What differs between tokens with the same content. */
export interface PayloadTimes {
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

/**
 * The payloads of tokens that differ only in `iat`, `exp` and `jti`, encoded up to those three. In base64, three bytes are four characters, so
 * everything before and after them can be encoded once.
 */
export class PreparedPayload {
  readonly #head: string;
  /** The last bytes before the times that are not a group of three. */
  readonly #before: string;
  /** The first bytes after the times, up to a group of three. */
  readonly #after: string;
  readonly #tail: string;
  readonly #timesLength: number;

  private constructor(head: Buffer, tail: Buffer, timesLength: number) {
    const before = head.length % 3;
    const after = (3 - ((before + timesLength) % 3)) % 3;
    this.#head = head.toString('base64url', 0, head.length - before);
    this.#before = head.toString('latin1', head.length - before);
    this.#after = tail.toString('latin1', 0, after);
    this.#tail = tail.toString('base64url', after);
    this.#timesLength = timesLength;
  }

  /**
   * @param json the payload of one of the tokens
   * @param times its times, which are members side by side in this order
   * @returns undefined if they are not in it like that
   */
  static of(json: string, times: PayloadTimes): PreparedPayload | undefined {
    const text = textOf(times);
    const start = text === undefined ? -1 : json.indexOf(`,${text},"`);
    if (text === undefined || start === -1) return undefined;
    // At least the comma before and two characters after are of one byte each.
    const head = Buffer.from(json.slice(0, start + 1));
    const tail = Buffer.from(json.slice(start + 1 + text.length));
    return new PreparedPayload(head, tail, text.length);
  }

  /** @returns the payload with these times in base64url; undefined if their text has another length than the prepared one */
  encode(times: PayloadTimes): string | undefined {
    const text = textOf(times);
    if (text?.length !== this.#timesLength) return undefined;
    const middle = Buffer.from(this.#before + text + this.#after, 'latin1').toString('base64url');
    return this.#head + middle + this.#tail;
  }
}

/** As `JSON.stringify` writes them. @returns undefined for times that it would write in another way */
function textOf({ iat, exp, jti }: PayloadTimes): string | undefined {
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp) || !ID.test(jti)) return undefined;
  return `"iat":${iat},"exp":${exp},"jti":"${jti}"`;
}
