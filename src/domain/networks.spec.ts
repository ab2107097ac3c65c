import { addressBits, NetworkSet, parseNetwork, plainAddress } from './networks.ts';

describe('parseNetwork', () => {
  it.each([
    '10.0.0.0/8',
    '0.0.0.0/0',
    '192.168.1.7',
    '192.168.1.7/32',
    '::1',
    '::1/128',
    'fd00::/8',
    '::ffff:10.0.0.0/104',
  ])('accepts %s', (text) => {
    expect(parseNetwork(text)).toBeDefined();
  });

  it.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0/8',
    'fe80::1%eth0',
    'fd00::1/8',
    'localhost',
    '',
    '*',
    ' 10.0.0.1',
  ])('rejects %j', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});

describe('NetworkSet', () => {
  it('contains addresses of its blocks, also in their IPv6-mapped form', () => {
    const set = new NetworkSet(['10.0.0.0/8', 'fd00::/8']);
    expect(set.contains('10.1.2.3')).toBe(true);
    expect(set.contains('::ffff:10.1.2.3')).toBe(true);
    expect(set.contains('fd12::1')).toBe(true);
  });

  it('contains nothing else', () => {
    const set = new NetworkSet(['10.0.0.0/8']);
    expect(set.contains('11.0.0.1')).toBe(false);
    expect(set.contains('fd12::1')).toBe(false);
    expect(set.contains('not an address')).toBe(false);
  });

  it('contains nothing when it is empty', () => {
    expect(new NetworkSet([]).contains('127.0.0.1')).toBe(false);
  });
});

describe('addresses', () => {
  it('gives IPv4 inside IPv6 its own spelling', () => {
    expect(plainAddress('::ffff:127.0.0.1')).toBe('127.0.0.1');
    expect(plainAddress('::1')).toBe('::1');
  });

  it.each([
    ['0.0.0.1', 4, 1n],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['1::', 6, 1n << 112n],
    ['::1.2.3.4', 6, 0x01020304n],
    ['1:2:3:4:5:6:7:8', 6, 0x00010002000300040005000600070008n],
  ])('reads the bits of %s', (address, version, bits) => {
    expect(addressBits(address, version)).toBe(bits);
  });
});
