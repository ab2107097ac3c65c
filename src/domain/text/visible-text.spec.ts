import { isVisible, visible, visibleJson } from './visible-text.ts';

/** One example of each kind of character that must not reach a terminal. */
const UNSEEN: readonly (readonly [what: string, text: string, shown: string])[] = [
  ['an escape sequence', '\u001b[2K', '\\u001b[2K'],
  ['a bell', '\u0007', '\\u0007'],
  ['a line break', 'a\nb', 'a\\nb'],
  ['a carriage return', 'a\rb', 'a\\rb'],
  ['a tab', 'a\tb', 'a\\tb'],
  ['delete', '\u007f', '\\u007f'],
  ['a C1 control sequence', '\u009b2K', '\\u009b2K'],
  ['a C1 line break', '\u0085', '\\u0085'],
  ...[
    '\u202a',
    '\u202b',
    '\u202c',
    '\u202d',
    '\u202e',
    '\u2066',
    '\u2067',
    '\u2068',
    '\u2069',
    '\u200e',
    '\u200f',
    '\u061c',
  ].map((mark) => ['a mark of direction', mark, `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`] as const),
  ['a line separator', '\u2028', '\\u2028'],
  ['a paragraph separator', '\u2029', '\\u2029'],
  ['a zero-width space', '\u200b', '\\u200b'],
  ['a byte order mark', '\ufeff', '\\ufeff'],
  ['a soft hyphen', '\u00ad', '\\u00ad'],
  ['a filler that shows nothing', '\u3164', '\\u3164'],
  ['a tag', '\u{e0041}', '\\u{e0041}'],
  ['half a surrogate pair', '\ud800', '\\ud800'],
];

describe('visible', () => {
  it.each(UNSEEN)('escapes %s', (_, text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(isVisible(text)).toBe(false);
    // Escaping twice changes nothing.
    expect(visible(shown)).toBe(shown);
    expect(isVisible(shown)).toBe(true);
  });

  it.each(['plain text', 'Ärger, ñandú, 日本語, עברית', '🙂', 'a\\b', 'orders:read'])('leaves %p as it is', (text) => {
    expect(visible(text)).toBe(text);
  });
});

describe('visibleJson', () => {
  it.each(UNSEEN)('escapes %s and keeps the value', (_, text) => {
    const json = visibleJson({ [text]: [text] });
    expect(json.split('\n').every(isVisible)).toBe(true);
    expect(JSON.parse(json)).toEqual({ [text]: [text] });
  });
});
