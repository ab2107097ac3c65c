import { listenFailure } from './listen-failure.ts';
import { OperatorError } from '../errors/operator-error.ts';

const SITE = { host: '127.0.0.1', port: 443 };

function failure(code: string): Error {
  return Object.assign(new Error(`listen ${code}: c4nary`), { code });
}

describe('listenFailure', () => {
  it.each([
    ['EADDRINUSE', 'the port is in use. Stop the process that listens there, or choose another PORT.'],
    [
      'EACCES',
      'this user may not use the port. Choose a PORT of 1024 or more, or give the service CAP_NET_BIND_SERVICE.',
    ],
    ['EADDRNOTAVAIL', 'this machine has no such address. Correct HOST; 0.0.0.0 stands for all IPv4 addresses.'],
    [
      'EAFNOSUPPORT',
      'this machine has no addresses of that family. Correct HOST; 0.0.0.0 stands for all IPv4 addresses.',
    ],
    ['ENOTFOUND', 'the host name is not known. Correct HOST, or write an IP address.'],
    ['EAI_AGAIN', 'the host name cannot be looked up now. Check the name server, or write an IP address as HOST.'],
  ])('says %s in a sentence that ends with the fix', (code, sentence) => {
    const explained = listenFailure(failure(code), SITE);
    expect(explained).toBeInstanceOf(OperatorError);
    expect((explained as Error).message).toBe(`The server cannot listen on 127.0.0.1:443: ${sentence}`);
  });

  it('writes an IPv6 address in brackets', () => {
    expect((listenFailure(failure('EACCES'), { host: '::1', port: 80 }) as Error).message).toContain(' on [::1]:80: ');
  });

  it.each([[failure('EMFILE')], [new Error('c4nary')], [undefined], [failure('toString')]])(
    'leaves %s as it is',
    (error) => {
      expect(listenFailure(error, SITE)).toBe(error);
    },
  );
});
