import { isPrivateAddress, isPublicAddress, invalidProviderUrlReason } from './provider-url.ts';

const ISSUER = { query: 'refused' } as const;
const refusal = (url: string, allowed: readonly string[] = [], listed: readonly string[] = []): string | undefined =>
  invalidProviderUrlReason(url, ISSUER, { federationAllowedHosts: allowed, federationPrivateHosts: listed });

describe('invalidProviderUrlReason', () => {
  it.each([
    'https://idp.example.com',
    'https://idp.example.com/realms/acme',
    'https://8.8.8.8/',
    'https://idp.example.com:443/',
    'https://[2606:4700::1111]/',
    'https://idp.example.com:8443/realms/acme',
  ])('accepts %s', (url) => {
    expect(refusal(url)).toBeUndefined();
  });

  it.each([
    ['no URL', 'idp.example.com', /absolute https/],
    ['another scheme', 'ftp://idp.example.com/', /https URL/],
    ['a file', 'file:///etc/passwd', /https URL/],
    ['plain http', 'http://idp.example.com/', /https URL/],
    ['user and password', 'https://me:pw@idp.example.com/', /without user/],
    ['an empty user', 'https://@idp.example.com/', /without user/],
    ['a query', 'https://idp.example.com/?a=b', /query/],
    ['an empty query', 'https://idp.example.com/?', /query/],
    ['a fragment', 'https://idp.example.com/#a', /fragment/],
    ['upper case in the host', 'https://IDP.example.com/', /lower case/],
    ['a back slash', 'https:\\\\idp.example.com', /lower case/],
    ['white space', ' https://idp.example.com', /absolute https/],
    ['full-width letters', 'https://ｉdp.example.com', /printable ASCII/],
    ['loopback', 'https://127.0.0.1/', /loopback/],
    ['loopback in short form', 'https://127.1/', /usual form/],
    ['loopback in hexadecimal', 'https://0x7f.0.0.1/', /usual form/],
    ['loopback as one number', 'https://2130706433/', /usual form/],
    ['loopback in octal', 'https://0177.0.0.1/', /usual form/],
    ['localhost', 'https://localhost/', /loopback/],
    ['localhost with a dot', 'https://localhost./', /loopback/],
    ['a name below localhost', 'https://a.localhost/', /loopback/],
    ['a name of the local network', 'https://intranet/', /loopback/],
    ['a private address', 'https://10.0.0.1/', /private/],
    ['the metadata address', 'https://169.254.169.254/', /private/],
    ["Azure's host", 'https://168.63.129.16/', /private/],
    ['the port of SSH', 'https://idp.example.com:22/', /port 443/],
    ['the port of plain HTTP', 'https://idp.example.com:80/', /port 443/],
    ['port 0', 'https://idp.example.com:0/', /port 443/],
    ['the port of NFS', 'https://idp.example.com:2049/', /port 443/],
    ['carrier-grade NAT', 'https://100.64.0.1/', /private/],
    ['IPv6 loopback', 'https://[::1]/', /loopback/],
    ['IPv4 in IPv6', 'https://[::ffff:7f00:1]/', /loopback/],
    ['IPv4 through NAT64', 'https://[64:ff9b::7f00:1]/', /private/],
    ['IPv4 in 6to4', 'https://[2002:7f00:1::]/', /private/],
    ['unique local', 'https://[fd00::1]/', /private/],
    ['link-local', 'https://[fe80::1]/', /private/],
  ])('refuses %s', (_, url, reason) => {
    expect(refusal(url)).toMatch(reason);
  });

  it('accepts a listed host, exact with its port, plain http included', () => {
    expect(refusal('http://127.0.0.1:4000/realm', ['127.0.0.1:4000'])).toBeUndefined();
    expect(refusal('https://localhost/', ['localhost:443'])).toBeUndefined();
    expect(refusal('http://127.0.0.1:4001/', ['127.0.0.1:4000'])).toBeDefined();
    expect(refusal('http://me@127.0.0.1:4000/', ['127.0.0.1:4000'])).toBeDefined();
  });

  it('accepts a name that is listed as private, by https and with no more than its exact spelling', () => {
    const listed = ['idp', 'idp.corp.example', '10.0.0.1'];
    for (const url of ['https://idp', 'https://idp:8443/realms/acme', 'https://idp.corp.example'])
      expect(refusal(url, [], listed)).toBeUndefined();
    expect(refusal('http://idp', [], listed)).toMatch(/plain http/);
    expect(refusal('https://idp:22', [], listed)).toMatch(/port 443/);
    expect(refusal('https://me@idp', [], listed)).toMatch(/without user/);
    for (const url of ['https://idp2', 'https://IDP', 'https://idp.', 'https://10.0.0.2', 'https://localhost'])
      expect(refusal(url, [], listed)).toBeDefined();
  });

  it('lets a key set have a query', () => {
    const nothing = { federationAllowedHosts: [], federationPrivateHosts: [] };
    expect(invalidProviderUrlReason('https://idp.example.com/keys?p=1', { query: 'allowed' }, nothing)).toBeUndefined();
  });
});

describe('isPublicAddress', () => {
  it.each(['1.1.1.1', '2606:4700::1111'])('is true for %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each([
    '',
    'example.com',
    '0.0.0.0',
    '::',
    '::ffff:8.8.8.8',
    '255.255.255.255',
    'ff02::1',
    'fe80::1%eth0',
    '2606:4700::1%eth0',
  ])('is false for "%s"', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('isPrivateAddress', () => {
  it.each(['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd12:3456::1', 'fc00::1'])(
    'is true for %s',
    (address) => {
      expect(isPrivateAddress(address)).toBe(true);
    },
  );
  it.each([
    '',
    'idp',
    '8.8.8.8',
    '172.32.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.2.1',
    '0.0.0.0',
    '::1',
    'fe80::1',
    'fd12::1%eth0',
    'fd00:ec2::254',
    'fd00:42::42',
    'fd20:ce::254',
    '::ffff:10.0.0.1',
    '2606:4700::1111',
  ])('is false for "%s"', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });
});
