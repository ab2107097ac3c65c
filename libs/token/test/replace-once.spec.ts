import { replaceEach, replaceEvery, replaceOnce } from './replace-once.ts';

it('replaces the first match', () => {
  expect(replaceOnce('a b a', 'a', 'c')).toBe('c b a');
  expect(replaceOnce('a1', /\d$/, '2')).toBe('a2');
  expect(replaceEach('a b', ['a', 'b'], ['b b', 'c'])).toBe('c');
  expect(replaceEvery('a b a', 'a', 'c')).toBe('c b c');
});

it.each<[string, () => string]>([
  ['a text that does not occur', () => replaceOnce('a', 'b', 'c')],
  ['a pattern that matches nothing', () => replaceOnce('a', /b/, 'c')],
  ['a replacement that changes nothing', () => replaceOnce('a', 'a', 'a')],
  ['the second of two changes', () => replaceEach('a', ['a', 'b'], ['a', 'c'])],
  ['every match of none', () => replaceEvery('a', 'b', 'c')],
])('fails at %s', (_, replace) => {
  expect(replace).toThrow('nothing to replace');
});
