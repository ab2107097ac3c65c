import { mysqlTls } from './mysql-tls.ts';

describe('mysqlTls', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'db.localhost'])(
    'requires no TLS on this machine: %s',
    (host) => {
      expect(mysqlTls(host, false)).toEqual({});
    },
  );

  it.each(['db1', '10.0.0.5', 'localhost.example', '192.168.1.1', 'mariadb.internal'])(
    'requires TLS with a verified name elsewhere: %s',
    (host) => {
      expect(mysqlTls(host, false)).toEqual({
        ssl: { minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true },
      });
    },
  );

  it('allows plain text elsewhere only by the dangerous setting', () => {
    expect(mysqlTls('db1', true)).toEqual({});
  });
});
