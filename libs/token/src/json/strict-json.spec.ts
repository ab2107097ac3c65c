import { parseStrictJson, StrictJsonError } from './strict-json.ts';
import fc from 'fast-check';

const LIMITS = { maxDepth: 8, maxLength: 10_000 };

function refusal(text: string): string {
  try {
    parseStrictJson(text, LIMITS);
  } catch (error) {
    expect(error).toBeInstanceOf(StrictJsonError);
    return (error as StrictJsonError).reason;
  }
  throw new Error('was accepted');
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

describe('parseStrictJson', () => {
  it('reads the same as JSON.parse when no name repeats', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parseStrictJson(text, LIMITS)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"a":1,"b":2}', { a: 1, b: 2 }],
    ['{"a":{"x":1},"b":{"x":2}}', { a: { x: 1 }, b: { x: 2 } }],
    ['{"a":"\\":{","b":"\\\\"}', { a: '":{', b: '\\' }],
    [' [1, "x:y", {}] ', [1, 'x:y', {}]],
  ])('accepts %s', (text, value) => {
    expect(parseStrictJson(text, LIMITS)).toEqual(value);
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"\\u0061":1,"\\u0061":2}',
    '{"x":[{"a":1,"b":2,"a":3}]}',
    '{"":1,"":2}',
    '{"a/b":1,"a\\/b":2}',
  ])('refuses a name that repeats: %s', (text) => {
    expect(refusal(text)).toBe('duplicate member name');
  });

  it('refuses every repeated name, at any position', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 }), fc.nat(), (object, n) => {
        fc.pre(!JSON.stringify(object).includes('__proto__'));
        const members = Object.entries(object).map(
          ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
        );
        members.push(members[n % members.length]!);
        expect(refusal(`{${members.join(',')}}`)).toBe('duplicate member name');
      }),
    );
  });

  it.each(['{"__proto__":{"x":1}}', '{"a":[{"\\u005f_proto__":1}]}'])('refuses the member __proto__: %s', (text) => {
    expect(refusal(text)).toBe('member name __proto__');
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('accepts the depth that the caller allows and refuses one more', () => {
    expect(parseStrictJson(nested(8), LIMITS)).toBeDefined();
    expect(refusal(nested(9))).toBe('nested too deeply');
    expect(refusal('{"a":'.repeat(9) + '1' + '}'.repeat(9))).toBe('nested too deeply');
  });

  it('refuses a text of a million brackets without running out of stack', () => {
    expect(() => parseStrictJson('['.repeat(1_000_000), { maxDepth: 8 })).toThrow('nested too deeply');
  });

  it('does not count brackets within strings', () => {
    expect(parseStrictJson(`"${'['.repeat(100)}"`, LIMITS)).toHaveLength(100);
  });

  it.each([
    '',
    '{',
    '{"a"}',
    '{"a":1,}',
    '"open',
    '"\\',
    '\ufeff{}',
    '{a:1}',
    "{'a':1}",
    '1 2',
    'NaN',
    '01',
    ']',
    '"\n"',
  ])('refuses what is not JSON: %j', (text) => {
    expect(refusal(text)).toBe('syntax');
  });

  it('refuses a number beyond a double', () => {
    expect(refusal('{"exp":1e999}')).toBe('number out of range');
  });

  it('refuses a text over the length without quoting it', () => {
    expect(refusal(`"${'s3cret'.repeat(2_000)}"`)).toBe('too long');
    expect(() => parseStrictJson('{"s3cret', LIMITS)).toThrow(/^not strict JSON: syntax$/);
  });
});
