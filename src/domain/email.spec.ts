import fc from 'fast-check';
import { lowerCaseAscii, parseEmail } from './email.ts';

describe('parseEmail', () => {
  it.each([
    ['ada@acme.example', 'ada@acme.example', 'acme.example'],
    ['Ada@ACME.Example', 'ada@acme.example', 'acme.example'],
    ["o'neil+tag@localhost", "o'neil+tag@localhost", 'localhost'],
    [`${'a'.repeat(64)}@x.example`, `${'a'.repeat(64)}@x.example`, 'x.example'],
  ])('accepts %s', (text, canonical, domain) => {
    expect(parseEmail(text)).toEqual({ original: text, canonical, domain });
  });

  it.each([
    ['no @', 'ada.acme.example'],
    ['two @', 'ada@acme@acme.example'],
    ['no local part', '@acme.example'],
    ['no domain', 'ada@'],
    ['trailing space', 'ada@acme.example '],
    ['leading space', ' ada@acme.example'],
    ['inner space', 'a da@acme.example'],
    ['a tab', 'ada\t@acme.example'],
    ['a newline at the end', 'ada@acme.example\n'],
    ['CRLF and a header', 'ada@acme.example\r\nx: y'],
    ['NUL', 'ada\0@acme.example'],
    ['a dotless i', 'adı@acme.example'],
    ['the Kelvin sign', '\u212aada@acme.example'],
    ['a composed letter', 'ád\u0061@acme.example'],
    ['a decomposed letter', 'a\u0301da@acme.example'],
    ['a sharp s', 'straße@acme.example'],
    ['a full-width @', 'ada＠acme.example'],
    ['a non-ASCII domain', 'ada@ácme.example'],
    ['an empty label', 'ada@acme..example'],
    ['a trailing dot', 'ada@acme.example.'],
    ['255 characters', `ada@${'a'.repeat(251)}`],
    ['a number', 1],
    ['null', null],
    ['an object', { $ne: '' }],
    ['an array', ['ada@acme.example']],
  ])('rejects %s', (_name, value) => {
    expect(parseEmail(value)).toBeUndefined();
  });

  it('makes two people equal only when they differ in the case of ASCII letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        const first = parseEmail(`${one}@acme.example`);
        const second = parseEmail(`${other}@acme.example`);
        if (first === undefined || second === undefined) return;
        expect(first.canonical === second.canonical).toBe(lowerCaseAscii(one) === lowerCaseAscii(other));
      }),
    );
  });
});
