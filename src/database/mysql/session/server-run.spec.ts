import { serverRunOf } from './server-run.ts';

it('is what follows the connection’s id', () => {
  expect(serverRunOf('7|6090836828|8590-02fc00000001|db|3306|/data/', 7)).toBe(
    '6090836828|8590-02fc00000001|db|3306|/data/',
  );
});

it.each([
  ['the connection has another id than in the greeting, which came from a proxy', '8|6090836828|8590-02fc00000001|db'],
  ['the answer is nothing', undefined],
  ['the answer is only an id', '7|'],
  ['the answer has no id', '|6090836828'],
])('is unknown if %s', (_case, read) => {
  expect(serverRunOf(read, 7)).toBeUndefined();
});
