import { parseSubjectId } from './subject-id.ts';

it.each(['7', 'u-ada', 'auth0|5f7c', 'urn:x:1', 'clients', 'my-client:1', 'a'.repeat(128)])('takes %s', (id) => {
  expect(parseSubjectId(id)).toBe(id);
});

it.each(['client:web', 'CLIENT:web', 'client:', '', '-7', 'ada@acme.example', 'a b', 'ü', 'a\n', 'a'.repeat(129)])(
  'refuses %j',
  (id) => {
    expect(parseSubjectId(id)).toBeUndefined();
  },
);
