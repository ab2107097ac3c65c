/**
 * What a terminal acts on or does not show: control characters of both sets, marks that turn the direction of the text, separators of
 * lines and paragraphs, zero-width and other ignorable characters, halves of a surrogate pair, and what Unicode does not assign.
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

/** Text that others chose, such as a role's name in a tenant's database, as one line that says only what it shows. */
export function visible(text: string): string {
  return replaceUnseen(
    text,
    (character) => SHORT_ESCAPES.get(character) ?? unicodeEscape(character, (hex) => `\\u{${hex}}`),
  );
}

/** JSON of the same value, indented, in which every such character is escaped. */
export function visibleJson(document: unknown): string {
  return replaceUnseen(JSON.stringify(document, null, 2), (character) =>
    // Inside of strings a line break is escaped already.
    character === '\n'
      ? character
      : [...Array(character.length).keys()].map((unit) => codeUnit(character, unit)).join(''),
  );
}

/** @param astral escapes a character above U+FFFF, by its number in hexadecimal: formats differ there */
export function unicodeEscape(character: string, astral: (hex: string) => string): string {
  return character.length === 1 ? codeUnit(character, 0) : astral((character.codePointAt(0) ?? 0).toString(16));
}

export function replaceUnseen(text: string, escape: (character: string) => string): string {
  return text.replace(UNSEEN, escape);
}

function codeUnit(text: string, index: number): string {
  return `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`;
}
