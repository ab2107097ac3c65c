import { claimAt, parseJsonPointer } from './json-pointer.ts';

describe('a JSON pointer', () => {
  it.each([
    ['/sub', ['sub']],
    ['/realm_access/roles', ['realm_access', 'roles']],
    ['/a~1b/c~0d', ['a/b', 'c~d']],
    ['/~01', ['~1']],
    ['/', ['']],
    ['/a//b', ['a', '', 'b']],
    ['/a.b/c d/é', ['a.b', 'c d', 'é']],
  ])('%j names the members %j', (text, names) => {
    expect(parseJsonPointer(text)).toEqual(names);
  });

  it.each(['', 'sub', 'a/b', '#/a', '/a~', '/a~2', '/~/a', ' /a'])('is not %j', (text) => {
    expect(parseJsonPointer(text)).toBeUndefined();
  });
});

describe('the claim of a name', () => {
  const claims = {
    sub: 's',
    'a.b': 'dots',
    'https://acme.example/roles': 'slashes',
    '/x': 'leading slash',
    '~': 'tilde',
    a: { b: 'nested', 'c/d': 'escaped', list: ['first'], '': 'empty', none: null },
  };

  it.each([
    ['sub', 's'],
    ['/sub', 's'],
    ['a.b', 'dots'],
    ['/a.b', 'dots'],
    ['https://acme.example/roles', 'slashes'],
    ['/~1x', 'leading slash'],
    ['~', 'tilde'],
    ['/a/b', 'nested'],
    ['/a/c~1d', 'escaped'],
    ['/a/', 'empty'],
    ['/a/none', null],
    ['/a/list', ['first']],
  ])('%s is found', (name, value) => {
    expect(claimAt(claims, name)).toEqual(value);
  });

  it.each([
    'a/b',
    'a.b.c',
    '/a/c',
    '/x',
    '/a/list/0',
    '/a/list/length',
    '/sub/0',
    '/sub/length',
    '/a/b/c',
    '/a/none/x',
    '/a~2',
    'toString',
    '/toString',
    '/a/constructor',
    '/a/__proto__',
    '',
  ])('%s is not found', (name) => {
    expect(claimAt(claims, name)).toBeUndefined();
  });
});
