import { unavailable } from '../errors/tessera-error.ts';
import { Secret } from '../config/secret.ts';
import { parseDatabaseCredentials } from './database-credentials.ts';

describe('database credentials', () => {
  it('are a user name and a password', () => {
    const { username, password } = parseDatabaseCredentials({ username: 'acme', password: '', note: 1 });
    expect(username).toBe('acme');
    expect(password.equals(new Secret(''))).toBe(true);
  });

  it.each([[{}], [{ username: 'acme' }], [{ username: '', password: 'p' }], [{ username: 'acme', password: 1 }]])(
    'refuses %j as an outage',
    (data) => {
      expect(() => parseDatabaseCredentials(data)).toThrow(unavailable('vault', 'the entry is malformed'));
    },
  );
});
