import { mysqlTls } from './mysql-tls.ts';

describe('mysqlTls', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'db.localhost'])(
    'asks for nothing on this machine: %s',
    (host) => {
      expect(mysqlTls(host, false)).toEqual({});
    },
  );

  it.each(['db1', '10.0.0.5', 'localhost.example', '192.168.1.1', 'mariadb.internal'])(
    'asks for TLS with a checked name elsewhere: %s',
    (host) => {
      expect(mysqlTls(host, false)).toEqual({
        ssl: { minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true },
      });
    },
  );

  it('gives way only to the long word', () => {
    expect(mysqlTls('db1', true)).toEqual({});
  });
});
