import { mayBeShown, shownPath } from './shown-change.ts';

describe('what is printed and recorded of a change', () => {
  it.each([
    ['acme', 'acme'],
    ['acme/shop/web', 'acme/shop/web'],
    ['acme/victim@acme.example', 'acme/(a name with @)'],
    ['acme/a/b@c/d', 'acme/(a name with @)'],
    ['victim@acme.example', '(a name with @)'],
    ['a@b/c', '(a name with @)'],
  ])('%s is %s', (path, shown) => {
    expect(shownPath(path)).toBe(shown);
  });

  it.each<[boolean, unknown]>([
    [true, 'https://idp.example/keys'],
    [true, ['a?', { b: 1 }, null]],
    [false, 'https://idp.example/keys?api_key=SECRET'],
    [false, 'https://user:SECRET@idp.example/keys'],
    [false, [{ jwks_uri: 'HTTPS://idp.example/?SECRET' }]],
    [false, { sub: ['ada@acme.example'] }],
  ])('says %s for %j', (isShown, value) => {
    expect(mayBeShown(null, value)).toBe(isShown);
  });
});
