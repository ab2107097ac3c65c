export interface StrictJsonLimits {
  /** How deep objects and arrays may nest; 1 allows one flat object. Keep it small: the check for duplicates recurses that deep. */
  readonly maxDepth: number;
  /** UTF-16 units. Default: no limit. */
  readonly maxLength?: number;
}

/** Fixed phrases, which never quote the text. */
export type StrictJsonFault =
  | 'syntax'
  | 'too long'
  | 'duplicate member name'
  | 'nested too deeply'
  | 'number out of range'
  | 'member name __proto__';

export class StrictJsonError extends Error {
  readonly reason: StrictJsonFault;

  constructor(reason: StrictJsonFault) {
    super(`not strict JSON: ${reason}`);
    this.name = 'StrictJsonError';
    this.reason = reason;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Parses JSON that every parser reads alike (RFC 8259, section 4; RFC 7493). Refused are duplicate member names, even if one is written with escapes;
 * numbers that a double cannot hold; and a member `__proto__`, which would become the prototype of a copied object.
 *
 * `JSON.parse` does the parsing; this function adds the checks that it lacks. Of two equal names `JSON.parse` keeps one. So if the result has fewer
 * members than the text has colons outside strings, there was a duplicate.
 *
 * @throws StrictJsonError
 */
export function parseStrictJson(text: string, limits: StrictJsonLimits): unknown {
  if (text.length > (limits.maxLength ?? Infinity)) throw new StrictJsonError('too long');
  const membersWritten = countMembersWritten(text, limits.maxDepth);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The platform's error is dropped: its message quotes the text.
    throw new StrictJsonError('syntax');
  }
  if (countMembers(value) !== membersWritten) throw new StrictJsonError('duplicate member name');
  return value;
}

/**
 * Counts colons outside strings, and refuses a text that nests too deeply. One pass without recursion, before anything is built, so that a deep text
 * costs nothing. The count is correct for every text that then parses.
 */
function countMembersWritten(text: string, maxDepth: number): number {
  let depth = 0;
  let members = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index);
        break;
      case COLON:
        members++;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > maxDepth) throw new StrictJsonError('nested too deeply');
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
    }
  }
  return members;
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end > 0; end = text.indexOf('"', end + 1)) {
    // A quote after an even number of backslashes is not escaped: the backslashes escape each other.
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  throw new StrictJsonError('syntax');
}

function countMembers(value: unknown): number {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new StrictJsonError('number out of range');
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) members += countMembers(item);
    return members;
  }
  for (const name of Object.keys(value)) {
    if (name === '__proto__') throw new StrictJsonError('member name __proto__');
    members += 1 + countMembers((value as Readonly<Record<string, unknown>>)[name]);
  }
  return members;
}
