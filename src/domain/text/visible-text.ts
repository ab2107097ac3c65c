/**
 * Characters that a terminal acts on or does not show: C0 and C1 controls, bidirectional marks, line and paragraph separators, zero-width and other
 * ignorable characters, lone surrogates, and code points that Unicode does not assign.
 */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

export function isVisible(text: string): boolean {
  return text.search(UNSEEN) === -1;
}

/** Escapes text from outside, such as a role's name in a tenant's database, so that it prints as one line without hidden characters. */
export function visible(text: string): string {
  return replaceUnseen(
    text,
    (character) => SHORT_ESCAPES.get(character) ?? unicodeEscape(character, (hex) => `\\u{${hex}}`),
  );
}

/** JSON of the value, indented or in one line, in which every such character is escaped. */
export function visibleJson(document: unknown, indent: 0 | 2 = 2): string {
  return replaceUnseen(JSON.stringify(document, null, indent), (character) =>
    // Inside strings, JSON.stringify has already escaped line breaks.
    character === '\n'
      ? character
      : [...Array(character.length).keys()].map((unit) => codeUnit(character, unit)).join(''),
  );
}

/** @param astral formats a character above U+FFFF from its hexadecimal code point: output formats differ here */
export function unicodeEscape(character: string, astral: (hex: string) => string): string {
  return character.length === 1 ? codeUnit(character, 0) : astral((character.codePointAt(0) ?? 0).toString(16));
}

export function replaceUnseen(text: string, escape: (character: string) => string): string {
  return text.replace(UNSEEN, escape);
}

function codeUnit(text: string, index: number): string {
  return `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`;
}
