import { parseClientId, parseProjectId, parseTenantId, parseTrustId } from './ids.ts';

const PARSERS = { parseTenantId, parseProjectId, parseClientId, parseTrustId };

describe.each(Object.entries(PARSERS))('%s', (_name, parse) => {
  it.each(['a', '0', 'acme', 'a-b_c', '9-', 'a'.repeat(64)])('accepts %j', (text) => {
    expect(parse(text)).toBe(text);
  });

  it.each([
    '',
    'A',
    'Acme',
    '-a',
    '_a',
    'a.b',
    '..',
    'a/b',
    'a%2fb',
    'a\\b',
    'a b',
    'a\n',
    'a\0',
    'ａcme',
    'ácme',
    'a'.repeat(65),
    null,
    undefined,
    1,
    true,
    {},
    ['acme'],
    { toString: () => 'acme' },
  ])('rejects %j', (value) => {
    expect(parse(value)).toBeUndefined();
  });
});
